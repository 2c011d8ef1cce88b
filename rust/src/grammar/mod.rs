//! Constrained output through llguidance: a grammar is compiled once, and tells for each position which tokens may follow.
//!
//! Grammars come from outside. Their text, its nesting and what a repetition may ask for are bounded before anything is
//! built; llguidance counts the work of building and of each mask (`limits`); `budget` bounds memory and time of building.

mod gbnf;
mod json_schema;
mod nesting;
mod state;
mod vocabulary;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use llguidance::api::{GrammarInit, ParserLimits, TopLevelGrammar};
use llguidance::{JsonCompileOptions, Logger, Matcher};
use serde_json::{json, Value};

use crate::budget::{self, Lost, Outcome};

pub use state::State;
pub use vocabulary::Vocabulary;

pub const MAX_SOURCE_BYTES: usize = 256 << 10;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    JsonObject,
    JsonSchema,
    Regex,
    Choice,
    Lark,
    Gbnf,
}

impl Kind {
    /// By its number in halfbyte_rust.h.
    pub fn of(number: u32) -> Option<Kind> {
        [Kind::JsonObject, Kind::JsonSchema, Kind::Regex, Kind::Choice, Kind::Lark, Kind::Gbnf].get(number as usize).copied()
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// Not a grammar of its kind.
    Invalid,
    /// A grammar, and what it asks for is not done here.
    Unsupported,
    /// Larger, or more work, than is taken.
    TooLarge,
    /// A bug, ours or llguidance's.
    Internal,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    pub cause: Cause,
    pub message: String,
}

impl Failure {
    pub fn new(cause: Cause, message: impl Into<String>) -> Failure {
        Failure { cause, message: message.into() }
    }
    fn invalid(message: impl Into<String>) -> Failure {
        Failure::new(Cause::Invalid, message)
    }
    fn unsupported(message: impl Into<String>) -> Failure {
        Failure::new(Cause::Unsupported, message)
    }
    fn too_large(message: impl Into<String>) -> Failure {
        Failure::new(Cause::TooLarge, message)
    }

    /// What llguidance says: its first line, and what kind of failure that is.
    fn from_llguidance(error: &str) -> Failure {
        let line = error.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("no reason given");
        if line == "NoExtensionBias" {
            return Failure::invalid("no token leads on to a text that it allows");
        }
        let says = |words: &[&str]| words.iter().any(|word| line.contains(word));
        let cause = if line.starts_with("panic") || line.starts_with("Internal error") {
            Cause::Internal
        } else if says(&["too large", "too big", "fuel", "exceeded", "Too many", "too many", "too complex", "deeply nested", "limit"]) {
            Cause::TooLarge
        } else if says(&["not supported", "not disjoint", "nimplemented", "unsupported"]) {
            Cause::Unsupported
        } else {
            Cause::Invalid
        };
        Failure::new(cause, line)
    }
}

/// What llguidance may spend. Its defaults where no comment says otherwise.
fn limits() -> ParserLimits {
    ParserLimits {
        max_lexer_states: 50_000, // some kilobytes each, of one sequence
        max_grammar_size: 200_000,
        verbose_errors: false,
        ..ParserLimits::default()
    }
}

/// A compiled grammar over a vocabulary.
pub struct Grammar {
    start: Matcher,
    tokens: u32, // of the vocabulary
}

/// What compiling may take: a schema of 100 kB takes some 0.1 s.
const COMPILE_TIME: Duration = Duration::from_secs(2);
/// Grammars that may be left behind half built, of all that this process compiles, before it compiles no more. Each keeps at most
/// 128 MiB; none is known that gets there.
const MAX_LOST: usize = 4;
static LOST: OnceLock<Lost> = OnceLock::new();

impl Grammar {
    /// Within the bounds of `budget`.
    pub fn compile(vocabulary: &Arc<Vocabulary>, kind: Kind, source: String) -> Result<Grammar, Failure> {
        if source.len() > MAX_SOURCE_BYTES {
            return Err(Failure::too_large(format!("{} bytes, at most {MAX_SOURCE_BYTES} are taken", source.len())));
        }
        let lost = LOST.get_or_init(Lost::default);
        if lost.count() >= MAX_LOST {
            return Err(Failure::too_large(format!("{MAX_LOST} grammars needed too much memory or time and could not be ended")));
        }
        let its_vocabulary = Arc::clone(vocabulary);
        match budget::run_until(COMPILE_TIME, lost, move || Grammar::build(&its_vocabulary, kind, &source)) {
            Outcome::Done(result) => result,
            Outcome::Panicked => Err(Failure::new(Cause::Internal, "the grammar engine failed")),
            Outcome::Exceeded => Err(Failure::too_large("needs too much memory or time")),
            Outcome::NoThread => Err(Failure::new(Cause::Internal, "the system has no thread left to compile it")),
        }
    }

    fn build(vocabulary: &Vocabulary, kind: Kind, source: &str) -> Result<Grammar, Failure> {
        let grammar = match kind {
            Kind::JsonObject => schema_grammar(json!({"type": "object"})),
            Kind::JsonSchema => {
                let document: Value = serde_json::from_str(source).map_err(|error| Failure::invalid(format!("not JSON: {error}")))?;
                let lowered = json_schema::lowered(&document)?;
                schema_grammar(lowered)
            }
            Kind::Regex => {
                nesting::check_regex(source)?;
                TopLevelGrammar::from_regex(source)
            }
            Kind::Choice => TopLevelGrammar::from_regex(&choice_regex(source)?),
            Kind::Lark => {
                nesting::check_lark(source)?;
                TopLevelGrammar::from_lark(source.to_string())
            }
            Kind::Gbnf => TopLevelGrammar::from_lark(gbnf::to_lark(source)?),
        };
        let parser = vocabulary
            .factory
            .create_parser_from_init_ext(
                GrammarInit::Serialized(grammar),
                Logger::new(0, 0),
                Default::default(),
                vocabulary.factory.limits().clone(),
            );
        let start = Matcher::new(parser);
        match start.get_error() {
            None => {
                let grammar = Grammar { start, tokens: vocabulary.size() };
                grammar.begin().mask(&mut [])?; // one that allows nothing, or whose masks cost too much, is refused here
                Ok(grammar)
            }
            Some(error) => Err(match kind {
                Kind::JsonSchema => json_schema::located(vocabulary, source, &error),
                _ => Failure::from_llguidance(&error),
            }),
        }
    }

    /// A sequence at its beginning. It shares nothing that changes with others, so that its masks do not depend on them.
    pub fn begin(&self) -> State {
        State::new(self.start.deep_clone(), self.tokens)
    }
}

/// White space as people write JSON: models that may write any amount write it for ever. No escapes by number
/// (`\u0061`), by which a member could have the name of another.
fn schema_grammar(mut schema: Value) -> TopLevelGrammar {
    let options = JsonCompileOptions {
        whitespace_pattern: Some(r"\x20|\x0A[\x20\x09]{0,40}".to_string()),
        json_allowed_escapes: Some("nrbtf\\\"".to_string()),
        ..Default::default()
    };
    options.apply_to(&mut schema);
    TopLevelGrammar::from_json_schema(schema)
}

/// One of the strings in a JSON array, as a regular expression.
fn choice_regex(source: &str) -> Result<String, Failure> {
    let choices: Vec<String> = serde_json::from_str(source).map_err(|error| Failure::invalid(format!("expected a JSON array of strings: {error}")))?;
    if choices.is_empty() || choices.iter().any(String::is_empty) {
        return Err(Failure::invalid("expected at least one string, and none that is empty"));
    }
    let parts: Vec<String> = choices.iter().map(|choice| escaped(choice)).collect();
    Ok(format!("(?:{})", parts.join("|")))
}

/// A regular expression that matches `text`.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || c == '_' || c == ' ' || (!c.is_ascii() && !c.is_control()) {
            out.push(c);
        } else {
            out.push_str(&format!("\\x{{{:x}}}", c as u32));
        }
    }
    out
}

#[cfg(test)]
mod tests;
