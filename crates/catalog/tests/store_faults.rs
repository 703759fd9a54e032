//! Whatever step of a change fails, and whenever the power goes, the old or the new catalog is there.

mod common;

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use common::model::{Model, Trouble};
use common::{base, guid, module};
use windlass_abi::WsaError;
use windlass_catalog::*;

fn store(model: &Model) -> Store {
    Store::open(Location::Private("/catalog".into())).with_storage(Arc::new(model.clone()))
}

fn install(store: &Store, number: u32) -> Result<Changed<()>, CatalogError> {
    store.change(Duration::ZERO, |catalog: &mut ProtocolCatalog| {
        catalog.install(guid(number), &module(number), &[base(0, 2, 1, 6), base(0, 23, 1, 6)])
    })
}

/// A file system with a catalog that was changed twice.
fn used() -> Model {
    let model = Model::default();
    install(&store(&model), 1).unwrap();
    install(&store(&model), 2).unwrap();
    model
}

/// The catalogs before and after one more change, and the number of steps it takes.
fn one_change(model: &Model) -> (ProtocolCatalog, ProtocolCatalog, usize) {
    let (old, trial) = (store(model).protocols().unwrap(), model.fork());
    trial.plan(usize::MAX, Trouble::PowerCut);
    install(&store(&trial), 3).unwrap();
    let steps = trial.steps();
    (old, store(&trial).protocols().unwrap(), steps)
}

#[test]
fn cat_st_9_a_step_that_fails_leaves_the_old_catalog_or_completes_the_new() {
    // proves: CAT-ST-1
    for model in [Model::default(), used()] {
        let (old, new, steps) = one_change(&model);
        assert!(steps > 10, "each step of the change counts");
        for kind in [ErrorKind::StorageFull, ErrorKind::PermissionDenied, ErrorKind::Other] {
            for trouble in [Trouble::Once(kind), Trouble::FromThen(kind)] {
                for step in 0..steps {
                    let model = model.fork();
                    model.plan(step, trouble);
                    let result = install(&store(&model), 3);
                    model.recover();
                    let now = store(&model).protocols().unwrap();
                    match &result {
                        Ok(changed) => {
                            assert_eq!(now, new, "step {step}, {trouble:?}");
                            assert!(changed.warning.is_some(), "step {step}, {trouble:?}: the failure is told");
                        }
                        Err(why) => {
                            assert_eq!(now, old, "step {step}, {trouble:?}");
                            assert_eq!(why.is_denied(), kind == ErrorKind::PermissionDenied);
                        }
                    }
                    let again = install(&store(&model), 4).unwrap();
                    assert_eq!(again.serial, now.serial + 1, "the next change works");
                }
            }
        }
    }
}

#[test]
fn cat_st_1_a_power_cut_leaves_the_old_catalog_or_the_new() {
    for model in [Model::default(), used()] {
        let (old, new, steps) = one_change(&model);
        for step in 0..=steps {
            let model = model.fork();
            model.plan(step, Trouble::PowerCut);
            let result = install(&store(&model), 3);
            for disk in model.after_power_cut() {
                let now = store(&disk).protocols().unwrap_or_else(|why| panic!("cut at step {step}: {why}"));
                assert!(now == old || now == new, "cut at step {step}");
                if result.as_ref().is_ok_and(|changed| changed.warning.is_none()) {
                    assert_eq!(now, new, "what was reported as done stays done");
                }
                let repaired = store(&disk).repair::<ProtocolCatalog>().unwrap();
                assert_eq!(repaired.source, RepairSource::Sound);
                install(&store(&disk), 4).unwrap();
            }
        }
    }
}

#[test]
fn cat_st_1_the_model_finds_a_missing_sync() {
    // Were a file renamed before it is durable, the test above would see it damaged.
    let model = used();
    let path = std::path::Path::new("/catalog/protocols.toml");
    let mut file = Storage::create(&model, std::path::Path::new("/catalog/x"), false).unwrap();
    file.write(b"format = 1").unwrap();
    model.rename(std::path::Path::new("/catalog/x"), path).unwrap();
    let states = model.after_power_cut();
    let damaged = states.iter().filter(|disk| store(disk).protocols().is_err()).count();
    assert!(damaged > 0 && damaged < states.len());
}

#[test]
fn cat_st_9_an_operation_that_fails_or_changes_nothing_writes_nothing() {
    let model = used();
    let before = store(&model).protocols().unwrap();
    model.plan(usize::MAX, Trouble::PowerCut);
    let failed = install(&store(&model), 2);
    assert!(matches!(failed, Err(CatalogError::Refused(WsaError::WSANO_RECOVERY))));
    let same = store(&model).change(Duration::ZERO, |_: &mut ProtocolCatalog| Ok::<_, WsaError>(())).unwrap();
    assert_eq!(same.serial, before.serial);
    assert!(model.steps() <= 6, "two times directory, lock and read");
    assert_eq!(store(&model).protocols().unwrap(), before);
}

#[test]
fn cat_st_2_a_change_of_both_widths_happens_in_both_or_in_none() {
    let change = |store: &Store| {
        store.change_both(Duration::ZERO, |_, catalog: &mut ProtocolCatalog| {
            catalog.install(guid(1), &module(1), &[base(0, 2, 1, 6)])
        })
    };
    let widths = |model: &Model| {
        [Width::Bits64, Width::Bits32].map(|width| store(model).with_width(width).protocols().unwrap().entries)
    };
    let model = Model::default();
    model.plan(usize::MAX, Trouble::PowerCut);
    change(&store(&model)).unwrap();
    let steps = model.steps();
    let [for_64, for_32] = widths(&model);
    assert_eq!(for_64.len(), 5);
    assert_eq!(for_64, for_32);
    for step in 0..steps {
        let model = Model::default();
        model.plan(step, Trouble::Once(ErrorKind::StorageFull));
        let result = change(&store(&model));
        model.recover();
        let lengths = widths(&model).map(|entries| entries.len());
        assert_eq!(lengths, if result.is_ok() { [5, 5] } else { [4, 4] }, "step {step}");
    }
}

#[test]
fn cat_st_8_a_repair_or_restore_that_fails_leaves_what_was_there() {
    let model = used();
    let good = Backup(Catalogs::load(&store(&model)).unwrap());
    let path = std::path::Path::new("/catalog/protocols.toml");
    let mut file = Storage::create(&model, path, false).unwrap();
    file.write(b"not a catalog").unwrap();
    drop(file);
    for step in 0..40 {
        let (repairing, restoring) = (model.fork(), model.fork());
        for model in [&repairing, &restoring] {
            model.plan(step, Trouble::FromThen(ErrorKind::StorageFull));
        }
        let repaired = store(&repairing).repair::<ProtocolCatalog>();
        let restored = store(&restoring).restore(&good);
        for (model, worked) in [(&repairing, repaired.is_ok()), (&restoring, restored.is_ok())] {
            model.recover();
            let now = store(model).protocols();
            assert!(!worked || now.is_ok(), "step {step}");
            if let Ok(now) = now {
                assert_eq!(now.entries, good.0.protocols.entries, "step {step}");
                assert!(now.serial > good.0.protocols.serial);
            }
        }
    }
}
