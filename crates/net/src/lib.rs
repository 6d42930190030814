//! Sockets: listeners, HTTP server, drain, upstream lanes.
