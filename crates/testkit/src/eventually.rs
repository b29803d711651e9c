//! Waiting for what happens in the background.

use std::time::Duration;

/// How long what is waited for may take, on the slowest machine.
const AT_MOST: Duration = Duration::from_secs(30);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(5);

/// Looks again and again until there is something, and gives it. Fails with `what` when that never happens.
#[track_caller]
pub fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut look: impl FnMut() -> F,
) -> impl Future<Output = T> {
    let caller = std::panic::Location::caller();
    async move {
        let looking = async {
            loop {
                if let Some(found) = look().await {
                    return found;
                }
                tokio::time::sleep(PAUSE).await;
            }
        };
        match tokio::time::timeout(AT_MOST, looking).await {
            Ok(found) => found,
            Err(_) => panic!("{caller}: never {what}"),
        }
    }
}
