//! The layer `pass`: does nothing, so that a program can be tried over a layer, and layers be measured. Installed as an IFS layer or not, it
//! is one. `builtin:pass` in a catalog.

use windlass_spi::layer::{Kind, Layer, NewSocket, Startup};
use windlass_spi::{Result, layer_entry};

/// The layer.
pub struct Pass;

impl Layer for Pass {
    type Socket = ();
    const DESCRIPTION: &'static str = "Windlass pass-through layer";
    const KIND: Kind = Kind::AsInstalled;

    fn start(_: &Startup<'_>) -> Result<Self> {
        Ok(Self)
    }

    fn socket(&self, _: &NewSocket<'_>) -> Result<()> {
        Ok(())
    }
}

layer_entry!(Pass);
