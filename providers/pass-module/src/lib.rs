//! The layer `pass` as a module. Copies of the file are layers of their own, so that a chain can be as deep as it may be.

windlass_spi::export_layer!(windlass_pass::Pass);
