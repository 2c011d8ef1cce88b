//! A chat template set up as transformers sets up Jinja2 for it: blocks trimmed, Python's methods on strings, lists and
//! dicts, and the functions raise_exception and strftime_now. It reaches nothing but the values it is given.

use std::io::{self, Write};
use std::sync::Arc;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Value;
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior};

use crate::json::tojson;
use crate::strftime::strftime;

pub const MAX_OUTPUT_BYTES: usize = 8 << 20;
const MAX_STEPS: u64 = 1_000_000;
const MAX_DEPTH: usize = 64;
const NAME: &str = "chat";

pub struct Failure {
    pub line: u32, // 0: of no line
    pub message: String,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let message = match error.kind() {
            ErrorKind::OutOfFuel => format!("needs more than {MAX_STEPS} steps"),
            ErrorKind::WriteFailure => format!("writes more than {MAX_OUTPUT_BYTES} bytes"),
            kind => match error.detail() {
                Some(detail) => detail.to_string(),
                None => kind.to_string(),
            },
        };
        Failure { line: error.line().and_then(|line| u32::try_from(line).ok()).unwrap_or(0), message }
    }
}

pub struct ChatTemplate {
    environment: Environment<'static>,
}

impl ChatTemplate {
    pub fn compile(source: String) -> Result<ChatTemplate, Failure> {
        let mut environment = Environment::new();
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?;
        environment.set_syntax(syntax);
        environment.set_undefined_behavior(UndefinedBehavior::Lenient);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        environment.set_fuel(Some(MAX_STEPS));
        environment.set_recursion_limit(MAX_DEPTH);
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_filter("tojson", tojson);
        // To Python none is not iterable (minijinja: an empty sequence) and a string is.
        environment.add_test("iterable", |value: &Value| !value.is_none() && (value.as_str().is_some() || value.try_iter().is_ok()));
        environment.add_function("raise_exception", |message: String| -> Result<Value, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, message))
        });
        environment.add_template_owned(NAME, without_generation_tags(&source))?;
        Ok(ChatTemplate { environment })
    }

    /// `context`: a JSON object whose members are the template's variables. `local_seconds`: since 1970 on the local clock.
    pub fn render(self: &Arc<Self>, context: &str, local_seconds: i64) -> Result<String, Failure> {
        let variables: Value = serde_json::from_str(context)
            .map_err(|e| Failure { line: 0, message: format!("its variables are not valid JSON: {e}") })?;
        let now = Value::from_function(move |format: String| {
            strftime(&format, local_seconds)
                .ok_or_else(|| Error::new(ErrorKind::InvalidOperation, format!("strftime_now: unknown format {format:?}")))
        });
        let mut out = Bounded(Vec::new());
        let context = minijinja::context! { strftime_now => now, ..variables };
        self.environment.get_template(NAME)?.render_captured_to(context, &mut out)?;
        String::from_utf8(out.0).map_err(|_| Failure { line: 0, message: "wrote text that is not UTF-8".into() })
    }
}

/// `{% generation %}` marks what a model wrote, for training. To us it is a block that is always rendered; lines and
/// whitespace stay as they are.
fn without_generation_tags(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(at) = rest.find("{%") {
        let (before, tag) = rest.split_at(at + 2);
        out.push_str(before);
        let inside = tag.trim_start_matches(['-', '+']).trim_start();
        let known = [("generation", "if true"), ("endgeneration", "endif")];
        let found = known.iter().find_map(|(word, block)| Some((inside.strip_prefix(word)?, block)));
        match found {
            Some((after, block)) if after.trim_start().trim_start_matches(['-', '+']).starts_with("%}") => {
                out.push_str(&tag[..tag.len() - inside.len()]);
                out.push_str(block);
                rest = after;
            }
            _ => rest = tag,
        }
    }
    out.push_str(rest);
    out
}

struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        if piece.len() > MAX_OUTPUT_BYTES - self.0.len() {
            return Err(io::Error::other("output is full"));
        }
        self.0.extend_from_slice(piece);
        Ok(piece.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
