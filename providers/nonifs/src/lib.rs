//! The layer `nonifs`: what is below it works as before, but its sockets are no handles of the system.
//!
//! Runtimes that take a socket for a descriptor, or reach for the base provider behind a layer, fail over this as they do over such
//! providers in the field. `builtin:nonifs` in a catalog.

use windlass_spi::layer::{Kind, Layer, NewSocket, Startup};
use windlass_spi::{Result, layer_entry};

/// The layer.
pub struct NonIfs;

impl Layer for NonIfs {
    type Socket = ();
    const DESCRIPTION: &'static str = "Windlass non-IFS layer";
    const KIND: Kind = Kind::NonIfs;

    fn start(_: &Startup<'_>) -> Result<Self> {
        Ok(Self)
    }

    fn socket(&self, _: &NewSocket<'_>) -> Result<()> {
        Ok(())
    }
}

layer_entry!(NonIfs);
