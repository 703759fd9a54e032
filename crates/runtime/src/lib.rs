//! The Ws2_32 side: start-up, loading of providers, socket handles and dispatch.
