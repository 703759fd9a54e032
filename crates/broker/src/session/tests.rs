use proptest::prelude::*;

use super::*;

/// What happens to a session.
#[derive(Clone, Copy, Debug)]
enum Step {
    Opened(u8),
    Enter,
    Begin,
    EndLookup,
    Leave,
    End(End),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0u8..3).prop_map(Step::Opened),
        4 => Just(Step::Enter),
        3 => Just(Step::Begin),
        2 => Just(Step::EndLookup),
        4 => Just(Step::Leave),
        1 => Just(Step::End(End::Orderly)),
        1 => Just(Step::End(End::Lost)),
    ]
}

/// What the world saw, and may see.
#[derive(Default)]
struct Model {
    started: Option<Result<(), WsaError>>,
    end: Option<End>,
    inside: usize,
    lookups: usize,
    farewells: usize,
}

impl Model {
    fn said(&mut self, farewell: Farewell) {
        self.farewells += 1;
        let owed = self.started == Some(Ok(()));
        assert_eq!(self.farewells, 1, "said once");
        assert_eq!(self.inside, 0, "nobody is inside");
        assert_eq!(farewell.cleanup, owed, "NSP2-SES-8: one Cleanup for one Startup");
        assert_eq!(farewell.rundown, owed && self.end == Some(End::Lost), "NSP2-RUN-4: no Rundown for an orderly end");
        assert_eq!(farewell.lookups.len(), self.lookups, "NSP2-CLEANUP-10: every look-up that is open ends");
    }
}

proptest! {
    // proves: NSP2-RUN-4, NSP2-RUN-6, NSP2-SES-7, NSP2-CLEANUP-10
    #[test]
    fn nsp2_ses_8_each_startup_is_balanced_by_one_cleanup(steps in proptest::collection::vec(step(), 0..40)) {
        let mut session = Session::opening();
        let mut model = Model::default();
        let mut handles = handles();
        for step in steps {
            match step {
                Step::Opened(how) if model.started.is_none() => {
                    let result = [Ok(SessionArgument::NONE), Err(WsaError::WSAEOPNOTSUPP), Err(WsaError::WSAEACCES)][how as usize];
                    model.started = Some(result.map(|_| ()));
                    match session.opened(result) {
                        Opened::Over(farewell) => model.said(farewell),
                        Opened::Refused(error) => prop_assert_eq!(error, WsaError::WSAEACCES),
                        Opened::Open => prop_assert!(model.end.is_none()),
                    }
                }
                Step::Enter => {
                    let open = matches!(model.started, Some(Ok(()) | Err(WsaError::WSAEOPNOTSUPP)));
                    let enters = session.enter().is_some();
                    prop_assert_eq!(enters, open && model.end.is_none());
                    model.inside += usize::from(enters);
                }
                Step::Begin if model.inside > 0 => {
                    session.begun(handles.next().unwrap());
                    model.lookups += 1;
                }
                Step::EndLookup if model.lookups > 0 && model.farewells == 0 => {
                    let first = *session.lookups.first().unwrap();
                    prop_assert!(session.ending(first) && !session.ending(first));
                    model.lookups -= 1;
                }
                Step::Leave if model.inside > 0 => {
                    model.inside -= 1;
                    let farewell = session.leave();
                    prop_assert_eq!(farewell.is_some(), model.inside == 0 && model.end.is_some());
                    farewell.into_iter().for_each(|farewell| model.said(farewell));
                }
                Step::End(end) => {
                    let refused = model.started == Some(Err(WsaError::WSAEACCES));
                    if !refused {
                        model.end.get_or_insert(end);
                    }
                    session.end(end).into_iter().for_each(|farewell| model.said(farewell));
                }
                _ => {}
            }
        }
        // Whoever is inside leaves, and then nothing is owed any more.
        if model.started.is_none() {
            model.started = Some(Ok(()));
            if let Opened::Over(farewell) = session.opened(Ok(SessionArgument::NONE)) {
                model.said(farewell);
            }
        }
        while model.inside > 0 {
            model.inside -= 1;
            session.leave().into_iter().for_each(|farewell| model.said(farewell));
        }
        model.end.get_or_insert(End::Lost);
        session.end(End::Lost).into_iter().for_each(|farewell| model.said(farewell));
        let refused = model.started == Some(Err(WsaError::WSAEACCES));
        prop_assert_eq!(model.farewells, usize::from(!refused));
    }
}

/// Look-up handles, as providers make them.
fn handles() -> impl Iterator<Item = LookupHandle> {
    (1..).map(LookupHandle::from_number)
}
