//! `windlass run --layer`: a private catalog in which chains of layers come before what there is.

use std::fs;
use std::path::{self, Path};

use tempfile::TempDir;
use windlass_catalog::builtin::{LAYERS, SCHEME};
use windlass_catalog::{
    DEFAULT_PATIENCE, Location, NamespaceCatalog, ProtocolCatalog, ProtocolTriple, ServiceFlags, Store, random_guid,
};

use crate::catalog::failed;
use crate::failure::Failure;

/// One `--layer`: the name of a layer that is linked in, or the path of a module, and its options.
struct Layer {
    /// That of the catalog entry, by which the options reach the layer.
    name: String,
    module: String,
    ifs: bool,
}

impl Layer {
    fn parse(text: &str) -> Result<Self, Failure> {
        let (layer, options) = text.split_once(':').map_or((text, None), |(layer, options)| (layer, Some(options)));
        if layer.contains('/') {
            let wrong = |why: String| Failure::usage(format!("{layer}: {why}"));
            if !Path::new(layer).is_file() {
                return Err(wrong("there is no such file".into()));
            }
            let module = path::absolute(layer).map_err(|e| wrong(e.to_string()))?;
            let stem = module.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let name = options.map_or_else(|| stem.clone(), |options| format!("{stem}:{options}"));
            let module = module.into_os_string().into_string().map_err(|_| wrong("the path is not UTF-8".into()))?;
            return Ok(Self { name, module, ifs: false });
        }
        let Some(known) = LAYERS.iter().find(|known| known.name == layer) else {
            let names: Vec<_> = LAYERS.iter().map(|layer| layer.name).collect();
            let names = names.join(", ");
            return Err(Failure::usage(format!("{layer}: no such layer; there are {names}, and paths of modules")));
        };
        Ok(Self { name: text.to_owned(), module: format!("{SCHEME}{layer}"), ifs: known.ifs })
    }

    /// Adds the layer over what serves each kind of socket now.
    fn add(&self, catalog: &mut ProtocolCatalog) -> Result<(), Failure> {
        let mut kinds: Vec<ProtocolTriple> = Vec::new();
        for base in catalog.entries.iter().filter(|entry| entry.is_base()) {
            let kind = ProtocolTriple::of(base);
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        let flags = if self.ifs { ServiceFlags::IFS_HANDLES } else { ServiceFlags::empty() };
        let provider = random_guid().map_err(Failure::new)?;
        let added = catalog.install_and_chains(provider, &self.module, &self.name, flags, Some(&kinds), random_guid);
        added.map(drop).map_err(|code| {
            Failure::usage(format!(
                "--layer {}: it does not go on top of the others ({code}): a layer can be given once, a chain has at most 6, and \
                 a name with options at most 255 letters",
                self.name
            ))
        })
    }
}

/// A folder with a copy of the catalogs of `store`, in which the layers, the outermost first, stand over everything. Gone with the result.
pub fn catalog_with(store: &Store, layers: &[String]) -> Result<TempDir, Failure> {
    let layers: Vec<_> = layers.iter().map(|text| Layer::parse(text)).collect::<Result<_, _>>()?;
    let (mut protocols, namespaces) = (store.protocols().map_err(failed)?, store.namespaces().map_err(failed)?);
    for layer in layers.iter().rev() {
        layer.add(&mut protocols)?;
    }
    let folder = tempfile::Builder::new().prefix("windlass-").tempdir();
    let folder = folder.map_err(|e| Failure::new(format!("a temporary folder: {e}")))?;
    let location = folder.path().join("catalog");
    fs::create_dir(&location).map_err(|e| Failure::new(format!("{}: {e}", location.display())))?;
    let private = Store::open(Location::Private(location));
    let written = private.change(DEFAULT_PATIENCE, |catalog: &mut ProtocolCatalog| {
        *catalog = protocols;
        Ok::<_, windlass_catalog::CatalogError>(())
    });
    written.map_err(failed)?;
    let written = private.change(DEFAULT_PATIENCE, |catalog: &mut NamespaceCatalog| {
        *catalog = namespaces;
        Ok::<_, windlass_catalog::CatalogError>(())
    });
    written.map_err(failed)?;
    Ok(folder)
}
