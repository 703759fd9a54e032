//! What the I/O manager of NT is to Winsock: event objects, waits and APC queues.
