//! The protocol and name space catalogs: model, transactional store, change notice.
