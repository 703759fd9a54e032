//! Which layers a program lets into its process (contract: catalog, section 6).

use std::ffi::OsString;

use crate::expand::expand_with;
use crate::flags::LspCategories;
use crate::protocol::{ProtocolCatalog, ProtocolEntry};

/// The category of the process: the layers it permits, fixed for its life (WSC-APP-3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ApplicationFilter {
    /// The program has no category: all layers load (LSPCAT-2).
    #[default]
    All,
    /// Layers load whose categories fit these.
    Permitted(LspCategories),
}

impl ApplicationFilter {
    /// Whether a layer with these categories may load (LSPCAT-3, LSPCAT-4).
    pub fn permits(self, layer: LspCategories) -> bool {
        let Self::Permitted(application) = self else {
            return true;
        };
        let shared = layer.intersects(application);
        let nothing_else = application.contains(layer);
        let system = !application.contains(LspCategories::SYSTEM) || layer.contains(LspCategories::SYSTEM);
        shared && nothing_else && system
    }

    /// Whether an entry may serve this process: a base always, a chain when each of its layers may
    /// load, a chain that cannot work and a layer never (SEL-9, WSC-DEL-3).
    pub fn permits_entry(self, catalog: &ProtocolCatalog, entry: &ProtocolEntry) -> bool {
        if entry.is_base() {
            return true;
        }
        let Some(parts) = catalog.layers_of(entry) else {
            return false;
        };
        parts.iter().filter(|part| part.is_layer()).all(|layer| self.permits(catalog.lsp_categories(layer.provider)))
    }

    /// The filter of the program at `path`, started with the arguments `command_line`.
    ///
    /// A record with this very command line wins over one for the path alone. Environment strings in
    /// the records' paths are looked up with `env`.
    pub fn of_program(
        catalog: &ProtocolCatalog,
        path: &str,
        command_line: &str,
        env: impl Fn(&str) -> Option<OsString>,
    ) -> Self {
        let same_program = |record: &&crate::ApplicationCategory| {
            record.path == path || expand_with(&record.path, &env).as_os_str() == path
        };
        let of_path: Vec<_> = catalog.applications.iter().filter(same_program).collect();
        let by_line = of_path.iter().find(|record| record.extra.as_deref() == Some(command_line));
        let found = by_line.or_else(|| of_path.iter().find(|record| record.extra.is_none()));
        found.map_or(Self::All, |record| Self::Permitted(record.permitted))
    }
}
