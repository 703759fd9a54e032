//! The base transport provider: TCP and UDP over kernel sockets.
