//! Categories of layers and of applications.

use windlass_abi::*;

use crate::flags::LspCategories;
use crate::protocol::{ApplicationCategory, ProtocolCatalog, ProtocolEntry, ProviderInfo};

impl ProtocolCatalog {
    /// The categories of a layer, empty when none were set (WSC-INFO-1).
    ///
    /// # Errors
    /// `WSAEINVALIDPROVIDER`: the provider has no layer entry (WSC-INFO-2).
    pub fn layer_categories(&self, provider: GUID) -> Result<LspCategories, WsaError> {
        self.expect_layer(provider)?;
        Ok(self.lsp_categories(provider))
    }

    /// Sets the categories of a layer (WSC-INFO-1).
    ///
    /// # Errors
    /// `WSAEINVALIDPROVIDER`: the provider has no layer entry (WSC-INFO-2).
    pub fn set_layer_categories(&mut self, provider: GUID, lsp_categories: LspCategories) -> Result<(), WsaError> {
        self.expect_layer(provider)?;
        match self.provider_infos.iter_mut().find(|info| info.provider == provider) {
            Some(info) => info.lsp_categories = lsp_categories,
            None => self.provider_infos.push(ProviderInfo { provider, lsp_categories }),
        }
        Ok(())
    }

    /// The categories that a program permits (WSC-APP-2).
    ///
    /// # Errors
    /// `WSASERVICE_NOT_FOUND`: nothing was set for this very path and command line.
    pub fn application_category(&self, path: &str, extra: Option<&str>) -> Result<LspCategories, WsaError> {
        let record = self.applications.iter().find(|record| is_for(record, path, extra));
        record.map(|record| record.permitted).ok_or(WsaError::WSASERVICE_NOT_FOUND)
    }

    /// Adds to the categories that a program permits, and returns what they were: empty the first
    /// time (WSC-APP-1).
    ///
    /// # Errors
    /// `WSAEINVAL`: the path is empty, or a text has a NUL.
    pub fn set_application_category(
        &mut self,
        path: &str,
        extra: Option<&str>,
        permitted: LspCategories,
    ) -> Result<LspCategories, WsaError> {
        if path.is_empty() || path.contains('\0') || extra.is_some_and(|extra| extra.contains('\0')) {
            return Err(WsaError::WSAEINVAL);
        }
        if let Some(record) = self.applications.iter_mut().find(|record| is_for(record, path, extra)) {
            let before = record.permitted;
            record.permitted |= permitted;
            return Ok(before);
        }
        let extra = extra.map(str::to_owned);
        self.applications.push(ApplicationCategory { path: path.into(), extra, permitted });
        Ok(LspCategories::empty())
    }

    /// Takes an application's record away, so that it is uncategorised again; whether there was one.
    pub fn remove_application(&mut self, path: &str, extra: Option<&str>) -> bool {
        let before = self.applications.len();
        self.applications.retain(|record| !is_for(record, path, extra));
        self.applications.len() < before
    }

    fn expect_layer(&self, provider: GUID) -> Result<(), WsaError> {
        let known = self.entries_of(provider).any(ProtocolEntry::is_layer);
        if known { Ok(()) } else { Err(WsaError::WSAEINVALIDPROVIDER) }
    }
}

fn is_for(record: &ApplicationCategory, path: &str, extra: Option<&str>) -> bool {
    record.path == path && record.extra.as_deref() == extra
}
