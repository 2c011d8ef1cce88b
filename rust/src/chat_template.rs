//! A chat template set up as transformers sets up Jinja2 for it: blocks trimmed, Python's values, methods and operators,
//! and the functions raise_exception and strftime_now. It reaches nothing but the values it is given.

use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::sync::Arc;

use minijinja::machinery::{self, CompiledTemplate, TemplateConfig};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior};

use crate::jinja::{filters, functions, operators, tests};
use crate::json;
use crate::python::args::text;
use crate::python::containers;
use crate::python::value::{check, str_of};
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
    compiled: Compiled,
}

/// A compiled template and the source that it refers to.
struct Compiled {
    template: ManuallyDrop<CompiledTemplate<'static>>,
    source: NonNull<str>,
}

// SAFETY: what it owns is never written again.
unsafe impl Send for Compiled {}
unsafe impl Sync for Compiled {}

impl Compiled {
    fn new(source: String) -> Result<Compiled, Error> {
        let syntax_config = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?;
        let config = TemplateConfig { syntax_config, default_auto_escape: Arc::new(|_| AutoEscape::None) };
        let source = NonNull::from(Box::leak(source.into_boxed_str()));
        // SAFETY: the text stays where it is until drop, which ends the template first.
        match CompiledTemplate::new(NAME, unsafe { source.as_ref() }, &config) {
            Ok(mut template) => {
                operators::rewrite(&mut template.instructions);
                template.blocks.values_mut().for_each(operators::rewrite);
                Ok(Compiled { template: ManuallyDrop::new(template), source })
            }
            Err(error) => {
                // SAFETY: nothing refers to it: errors own their text.
                drop(unsafe { Box::from_raw(source.as_ptr()) });
                Err(error)
            }
        }
    }
}

impl Drop for Compiled {
    fn drop(&mut self) {
        // SAFETY: both are given up here, once, the one that refers to the other first.
        unsafe {
            ManuallyDrop::drop(&mut self.template);
            drop(Box::from_raw(self.source.as_ptr()));
        }
    }
}

impl ChatTemplate {
    pub fn compile(source: &str) -> Result<ChatTemplate, Failure> {
        let mut environment = Environment::empty();
        environment.set_undefined_behavior(UndefinedBehavior::Lenient);
        environment.set_fuel(Some(MAX_STEPS));
        environment.set_recursion_limit(MAX_DEPTH);
        environment.set_formatter(print);
        environment.set_unknown_method_callback(|_, value, method, args| containers::call(value, method, args));
        operators::add_to(&mut environment);
        filters::add_to(&mut environment);
        tests::add_to(&mut environment);
        functions::add_to(&mut environment);
        Ok(ChatTemplate { environment, compiled: Compiled::new(without_generation_tags(source))? })
    }

    /// `context`: a JSON object whose members are the template's variables. `local_seconds`: since 1970 on the local clock.
    pub fn render(&self, context: &str, local_seconds: i64) -> Result<String, Failure> {
        let variables = json::parse(context)?;
        let now = Value::from_function(move |format: Value| Ok::<_, Error>(strftime(text(&format, "strftime_now")?, local_seconds)));
        let context = minijinja::context! { strftime_now => now, ..variables };
        let mut out = String::new();
        let template = &*self.compiled.template;
        let mut output = machinery::make_string_output(&mut out);
        machinery::eval(&self.environment, &template.instructions, context, &template.blocks, &mut output, AutoEscape::None)?;
        if out.len() > MAX_OUTPUT_BYTES {
            return Err(Failure { line: 0, message: format!("writes {} bytes, at most {MAX_OUTPUT_BYTES} are taken", out.len()) });
        }
        Ok(out)
    }
}

/// What `{{ }}` writes.
fn print(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    check()?;
    if matches!(state.auto_escape(), AutoEscape::Html) && !value.is_safe() {
        let escaped = filters::escaped(value)?;
        return out.write_str(escaped.as_str().unwrap_or_default()).map_err(Error::from);
    }
    let written = match value.as_str() {
        Some(text) => out.write_str(text),
        None => out.write_str(&str_of(value)?),
    };
    written.map_err(Error::from)
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
