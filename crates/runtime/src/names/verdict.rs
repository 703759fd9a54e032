//! What the answers of several providers make together; pure.

use windlass_abi::WsaError;

/// The error of a look-up that no provider began: that of the last one that failed with something of its own, else
/// `WSASERVICE_NOT_FOUND` (FAN-8).
pub(super) fn of_begin(errors: &[WsaError]) -> WsaError {
    let abstains = |error: &&WsaError| matches!(**error, WsaError::WSAEOPNOTSUPP | WsaError::WSASERVICE_NOT_FOUND);
    *errors.iter().rev().find(|error| !abstains(error)).unwrap_or(&WsaError::WSASERVICE_NOT_FOUND)
}

/// The result of a registration at several providers: one success is enough, else the first error that is not
/// `WSAEOPNOTSUPP` counts, else that does (SET-5, CLS-4).
pub(super) fn of_set(results: &[Result<(), WsaError>]) -> Result<(), WsaError> {
    if results.contains(&Ok(())) {
        return Ok(());
    }
    let errors = results.iter().filter_map(|result| result.err());
    Err(errors.into_iter().find(|error| *error != WsaError::WSAEOPNOTSUPP).unwrap_or(WsaError::WSAEOPNOTSUPP))
}

#[cfg(test)]
mod tests {
    use super::*;
    use WsaError as E;

    #[test]
    fn fan_8_the_last_error_of_its_own_counts() {
        assert_eq!(of_begin(&[E::WSAEACCES, E::WSANO_DATA, E::WSAEOPNOTSUPP]), E::WSANO_DATA);
        assert_eq!(of_begin(&[E::WSAEOPNOTSUPP, E::WSASERVICE_NOT_FOUND]), E::WSASERVICE_NOT_FOUND);
        assert_eq!(of_begin(&[]), E::WSASERVICE_NOT_FOUND);
    }

    // proves: SET-5, CLS-4, STUB-8
    #[test]
    fn set_5_one_success_is_enough_and_the_first_error_counts() {
        assert_eq!(of_set(&[Err(E::WSAEACCES), Ok(()), Err(E::WSAEINVAL)]), Ok(()));
        assert_eq!(of_set(&[Err(E::WSAEOPNOTSUPP), Err(E::WSAEACCES), Err(E::WSAEINVAL)]), Err(E::WSAEACCES));
        assert_eq!(of_set(&[Err(E::WSAEOPNOTSUPP)]), Err(E::WSAEOPNOTSUPP));
    }
}
