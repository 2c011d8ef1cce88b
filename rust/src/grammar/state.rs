//! Where one sequence is in its grammar.

use llguidance::api::StopReason;
use llguidance::Matcher;

use super::Failure;

fn failure(error: anyhow::Error) -> Failure {
    Failure::from_llguidance(&error.to_string())
}

pub struct State {
    matcher: Matcher,
    tokens: u32, // of the vocabulary
}

impl State {
    pub(super) fn new(matcher: Matcher, tokens: u32) -> State {
        State { matcher, tokens }
    }

    /// Sets bit `token % 32` of word `token / 32` for each token that may follow, those that end a reply among them where it may end.
    /// When nothing may follow, no bit is set.
    pub fn mask(&mut self, words: &mut [u32]) -> Result<(), Failure> {
        words.fill(0);
        if self.is_complete() {
            return Ok(());
        }
        let mask = self.matcher.compute_mask().map_err(failure)?;
        let allowed = mask.as_slice();
        let shared = allowed.len().min(words.len());
        words[..shared].copy_from_slice(&allowed[..shared]);
        Ok(())
    }

    /// False: the token may not follow, and nothing has changed.
    pub fn accept(&mut self, token: u32) -> Result<bool, Failure> {
        if token >= self.tokens {
            return Ok(false);
        }
        let taken = self.matcher.try_consume_tokens(&[token]).map_err(failure)?;
        Ok(taken == 1)
    }

    /// Takes back the last `count` accepted tokens.
    pub fn rewind(&mut self, count: usize) -> Result<(), Failure> {
        self.matcher.rollback(count).map_err(failure)
    }

    /// Whether what was accepted is whole.
    pub fn may_end(&mut self) -> Result<bool, Failure> {
        if self.is_complete() {
            return Ok(true);
        }
        self.matcher.is_accepting().map_err(failure)
    }

    /// Whether it is whole and nothing may follow.
    pub fn is_complete(&self) -> bool {
        matches!(self.matcher.stop_reason(), StopReason::NoExtension | StopReason::EndOfSentence)
    }
}
