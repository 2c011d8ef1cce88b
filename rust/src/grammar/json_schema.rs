//! Reads a JSON Schema into the part of JSON Schema that llguidance does exactly: 2020-12 without annotations, every
//! reference to `#/$defs`. What it cannot do exactly is refused by the path of the keyword; nothing is passed over that a
//! validator would check.
//!
//! As the specification has it: keywords that no draft knows are annotations, and so are formats that are not registered.
//! Not as it has it: registered formats are demanded where llguidance knows them, and members come in the order of `properties`.

use std::collections::{HashMap, HashSet};

use llguidance::api::GrammarInit;
use llguidance::Logger;
use serde_json::{Map, Value};

use super::{schema_grammar, Cause, Failure, Vocabulary};

/// Schemas within a schema. serde_json reads no deeper than 128 levels.
const MAX_SCHEMAS: usize = 20_000;
/// What minItems, maxLength and their like may ask for.
const MAX_COUNT: u64 = 1 << 20;
/// Parts that are tried one by one to find the one that cannot be compiled.
const MAX_TRIALS: usize = 400;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Draft {
    Draft4,
    Draft6,
    Draft7,
    Draft2019,
    Draft2020,
}
use Draft::{Draft2019, Draft2020, Draft4, Draft6, Draft7};

/// What is done with a keyword.
enum Rule {
    Annotation,
    Schema,
    Schemas,
    NamedSchemas,
    Reference,
    Items,
    Count,
    Number,
    /// A number; in draft 4 a boolean that changes another keyword.
    Bound,
    Pattern,
    Format,
    Type,
    Names,
    Values,
    Value,
    /// Not done, but without effect in a schema that lacks the other keyword, or where its value is the given one.
    Without(&'static str),
    Unless(bool),
    /// Not done.
    Refused,
}

/// Keywords from the first draft on that has them.
const KEYWORDS: &[(&str, Draft, Rule)] = &[
    ("$ref", Draft4, Rule::Reference),
    ("allOf", Draft4, Rule::Schemas),
    ("anyOf", Draft4, Rule::Schemas),
    ("oneOf", Draft4, Rule::Schemas),
    ("not", Draft4, Rule::Refused),
    ("if", Draft7, Rule::Refused), // `then` and `else` say whether it has an effect: see `schema`
    ("then", Draft7, Rule::Without("if")),
    ("else", Draft7, Rule::Without("if")),
    ("const", Draft6, Rule::Value),
    ("enum", Draft4, Rule::Values),
    ("type", Draft4, Rule::Type),
    ("items", Draft4, Rule::Items),
    ("additionalItems", Draft4, Rule::Annotation), // read with `items`
    ("prefixItems", Draft2020, Rule::Schemas),
    ("contains", Draft6, Rule::Refused),
    ("minContains", Draft2019, Rule::Without("contains")),
    ("maxContains", Draft2019, Rule::Without("contains")),
    ("uniqueItems", Draft4, Rule::Unless(false)),
    ("unevaluatedItems", Draft2019, Rule::Unless(true)),
    ("minItems", Draft4, Rule::Count),
    ("maxItems", Draft4, Rule::Count),
    ("properties", Draft4, Rule::NamedSchemas),
    ("patternProperties", Draft4, Rule::NamedSchemas),
    ("additionalProperties", Draft4, Rule::Schema),
    ("propertyNames", Draft6, Rule::Unless(true)),
    ("unevaluatedProperties", Draft2019, Rule::Unless(true)),
    ("required", Draft4, Rule::Names),
    ("dependencies", Draft4, Rule::Refused),
    ("dependentRequired", Draft2019, Rule::Refused),
    ("dependentSchemas", Draft2019, Rule::Refused),
    ("minProperties", Draft4, Rule::Count),
    ("maxProperties", Draft4, Rule::Count),
    ("minLength", Draft4, Rule::Count),
    ("maxLength", Draft4, Rule::Count),
    ("pattern", Draft4, Rule::Pattern),
    ("format", Draft4, Rule::Format),
    ("minimum", Draft4, Rule::Number),
    ("maximum", Draft4, Rule::Number),
    ("exclusiveMinimum", Draft4, Rule::Bound),
    ("exclusiveMaximum", Draft4, Rule::Bound),
    ("multipleOf", Draft4, Rule::Number),
    ("$dynamicRef", Draft2020, Rule::Refused),
    ("$recursiveRef", Draft2019, Rule::Refused),
];

const FORMATS: &[&str] = &["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid", "uri"];
const REFUSED_FORMATS: &[&str] = &[
    "idn-email", "idn-hostname", "uri-reference", "iri", "iri-reference", "uri-template", "json-pointer", "relative-json-pointer", "regex",
];
const TYPES: &[&str] = &["null", "boolean", "object", "array", "number", "integer", "string"];

pub fn lowered(document: &Value) -> Result<Value, Failure> {
    Lowering::new(document)?.whole(document, &Place::root())
}

/// Where a schema stands: its JSON pointer, and that of the resource (`$id`) which its references begin at.
#[derive(Clone)]
struct Place {
    pointer: String,
    resource: String,
}

impl Place {
    fn root() -> Place {
        Place { pointer: String::new(), resource: String::new() }
    }
    fn at(&self, key: &str) -> Place {
        Place { pointer: format!("{}/{}", self.pointer, key.replace('~', "~0").replace('/', "~1")), resource: self.resource.clone() }
    }
    fn failure(&self, cause: Cause, what: impl std::fmt::Display) -> Failure {
        Failure::new(cause, format!("at #{}: {what}", self.pointer))
    }
    fn invalid(&self, what: impl std::fmt::Display) -> Failure {
        self.failure(Cause::Invalid, what)
    }
    fn unsupported(&self, what: impl std::fmt::Display) -> Failure {
        self.failure(Cause::Unsupported, what)
    }
}

struct Lowering<'a> {
    document: &'a Value,
    draft: Draft,
    names: HashMap<String, String>, // of definitions, by the pointer of their source
    definitions: Map<String, Value>,
    pending: Vec<Place>,
    inlined: Vec<String>, // pointers of references whose targets are being written in their place
    schemas: usize,
}

impl<'a> Lowering<'a> {
    fn new(document: &'a Value) -> Result<Lowering<'a>, Failure> {
        Ok(Lowering {
            document,
            draft: draft_of(document)?,
            names: HashMap::new(),
            definitions: Map::new(),
            pending: Vec::new(),
            inlined: Vec::new(),
            schemas: 0,
        })
    }

    /// The schema at a place with all that it refers to.
    fn whole(mut self, schema: &Value, place: &Place) -> Result<Value, Failure> {
        let mut lowered = match self.schema(schema, place)? {
            Value::Object(members) => members,
            Value::Bool(true) => Map::new(),
            _ => return Err(place.invalid("allows nothing")),
        };
        while let Some(target) = self.pending.pop() {
            let source = self.document.pointer(&target.pointer).unwrap_or(&Value::Null);
            let definition = self.schema(source, &target)?;
            self.definitions.insert(self.names[&target.pointer].clone(), definition);
        }
        if !self.definitions.is_empty() {
            lowered.insert("$defs".to_string(), Value::Object(self.definitions));
        }
        Ok(Value::Object(lowered))
    }

    fn schema(&mut self, schema: &Value, place: &Place) -> Result<Value, Failure> {
        self.schemas += 1;
        if self.schemas > MAX_SCHEMAS {
            return Err(place.failure(Cause::TooLarge, format!("more than {MAX_SCHEMAS} schemas")));
        }
        let members = match schema {
            Value::Bool(all) => return Ok(Value::Bool(*all)),
            Value::Object(members) => members,
            other => return Err(place.invalid(format!("expected a schema, found {}", shown(other)))),
        };
        let mut place = place.clone();
        if is_resource(members, self.draft) {
            place.resource.clone_from(&place.pointer);
        }
        if self.draft <= Draft7 {
            if let Some(reference) = members.get("$ref") {
                return self.reference(reference, &place.at("$ref"));
            }
        }
        let mut out = Map::new();
        for (keyword, value) in members {
            let Some((_, since, rule)) = KEYWORDS.iter().find(|(name, _, _)| name == keyword) else { continue };
            if *since > self.draft {
                continue;
            }
            self.keyword(keyword, rule, value, members, &place, &mut out)?;
        }
        check_members(&out, &place)?;
        Ok(Value::Object(out))
    }

    fn keyword(
        &mut self,
        keyword: &str,
        rule: &Rule,
        value: &Value,
        members: &Map<String, Value>,
        place: &Place,
        out: &mut Map<String, Value>,
    ) -> Result<(), Failure> {
        let here = place.at(keyword);
        let lowered = match rule {
            Rule::Annotation => return Ok(()),
            Rule::Refused if keyword == "if" && !members.contains_key("then") && !members.contains_key("else") => return Ok(()),
            Rule::Refused => return Err(here.unsupported(format!("{keyword} is not done"))),
            Rule::Without(other) if !members.contains_key(*other) => return Ok(()),
            Rule::Without(_) => return Err(here.unsupported(format!("{keyword} is not done"))),
            Rule::Unless(harmless) if *value == Value::Bool(*harmless) => return Ok(()),
            Rule::Unless(_) => return Err(here.unsupported(format!("{keyword} is not done"))),
            Rule::Schema => self.schema(value, &here)?,
            Rule::Schemas => self.schemas(value, &here, keyword == "oneOf")?,
            Rule::NamedSchemas => {
                let Value::Object(named) = value else { return Err(here.invalid(format!("expected an object, found {}", shown(value)))) };
                for name in named.keys() {
                    if keyword == "properties" {
                        check_characters(name, &here)?;
                    } else {
                        check_pattern(name, &here)?;
                    }
                }
                let schemas = named.iter().map(|(name, schema)| Ok((name.clone(), self.schema(schema, &here.at(name))?)));
                Value::Object(schemas.collect::<Result<_, Failure>>()?)
            }
            Rule::Reference => {
                // Beside other keywords a reference is one more thing to hold.
                let Value::Object(reference) = self.reference(value, &here)? else { return Ok(()) };
                out.extend(reference);
                return Ok(());
            }
            Rule::Items if value.is_array() => {
                if let Some(rest) = members.get("additionalItems") {
                    out.insert("items".to_string(), self.schema(rest, &place.at("additionalItems"))?);
                }
                out.insert("prefixItems".to_string(), self.schemas(value, &here, false)?);
                return Ok(());
            }
            Rule::Items => self.schema(value, &here)?,
            Rule::Count => count(value, &here)?,
            Rule::Number => number(value, &here)?,
            Rule::Bound if value.is_boolean() => value.clone(),
            Rule::Bound => number(value, &here)?,
            Rule::Pattern => {
                let pattern = text(value, &here)?;
                check_pattern(pattern.as_str().unwrap_or_default(), &here)?;
                pattern
            }
            Rule::Format => {
                let format = text(value, &here)?;
                let name = format.as_str().unwrap_or_default();
                if REFUSED_FORMATS.contains(&name) {
                    return Err(here.unsupported(format!("format {name} is not done")));
                }
                if !FORMATS.contains(&name) {
                    return Ok(());
                }
                format
            }
            Rule::Type => {
                let all = match value {
                    Value::Array(all) if !all.is_empty() => all.as_slice(),
                    one => std::slice::from_ref(one),
                };
                for one in all {
                    if !one.as_str().is_some_and(|name| TYPES.contains(&name)) {
                        return Err(here.invalid(format!("expected one of {}, found {}", TYPES.join(", "), shown(one))));
                    }
                }
                value.clone()
            }
            Rule::Names => {
                if !value.as_array().is_some_and(|names| names.iter().all(Value::is_string)) {
                    return Err(here.invalid(format!("expected an array of strings, found {}", shown(value))));
                }
                check_strings(value, &here)?;
                value.clone()
            }
            Rule::Values => {
                if !value.as_array().is_some_and(|values| !values.is_empty()) {
                    return Err(here.invalid(format!("expected an array of values, found {}", shown(value))));
                }
                check_strings(value, &here)?;
                value.clone()
            }
            Rule::Value => {
                check_strings(value, &here)?;
                value.clone()
            }
        };
        out.insert(keyword.to_string(), lowered);
        Ok(())
    }

    /// `apart`: they are alternatives of which one alone may hold; a reference is written out there, because llguidance sees that two
    /// exclude each other by what they say.
    fn schemas(&mut self, value: &Value, place: &Place, apart: bool) -> Result<Value, Failure> {
        let Some(schemas) = value.as_array().filter(|schemas| !schemas.is_empty()) else {
            return Err(place.invalid(format!("expected an array of schemas, found {}", shown(value))));
        };
        let mut out = Vec::new();
        for (index, schema) in schemas.iter().enumerate() {
            let here = place.at(&index.to_string());
            out.push(match schema.get("$ref") {
                Some(reference) if apart && schema.as_object().is_some_and(|members| members.len() == 1) => self.target(reference, &here.at("$ref"))?,
                _ => self.schema(schema, &here)?,
            });
        }
        Ok(Value::Array(out))
    }

    /// What a reference refers to, in its place; a reference again where that would never end.
    fn target(&mut self, reference: &Value, place: &Place) -> Result<Value, Failure> {
        let target = self.resolved(reference, place)?;
        if self.inlined.contains(&target.pointer) {
            return self.reference(reference, place);
        }
        let schema = self.document.pointer(&target.pointer).unwrap_or(&Value::Null);
        self.inlined.push(target.pointer.clone());
        let lowered = self.schema(schema, &target);
        self.inlined.pop();
        lowered
    }

    fn reference(&mut self, reference: &Value, place: &Place) -> Result<Value, Failure> {
        let target = self.resolved(reference, place)?;
        let next = self.names.len().to_string();
        let name = self.names.entry(target.pointer.clone()).or_insert_with(|| {
            self.pending.push(target);
            next
        });
        Ok(serde_json::json!({"$ref": format!("#/$defs/{name}")}))
    }

    fn resolved(&self, reference: &Value, place: &Place) -> Result<Place, Failure> {
        let Some(uri) = reference.as_str() else { return Err(place.invalid(format!("expected a string, found {}", shown(reference)))) };
        let (document, fragment) = uri.split_once('#').unwrap_or((uri, ""));
        let resource = if document.is_empty() {
            place.resource.clone()
        } else if self.document.get(self.id_keyword()).and_then(Value::as_str).is_some_and(|id| id.trim_end_matches('#') == document) {
            String::new()
        } else {
            return Err(place.unsupported(format!("refers to another document, {}", shown(reference))));
        };
        let Some(fragment) = decoded(fragment) else { return Err(place.invalid(format!("no reference: {}", shown(reference)))) };
        let pointer = if fragment.is_empty() || fragment.starts_with('/') {
            format!("{resource}{fragment}")
        } else {
            match self.anchor(&fragment, &resource) {
                Some(pointer) => pointer,
                None => return Err(place.invalid(format!("refers to {}, which is not there", shown(reference)))),
            }
        };
        if self.document.pointer(&pointer).is_none() {
            return Err(place.invalid(format!("refers to {}, which is not there", shown(reference))));
        }
        let resource = self.resource_of(&pointer);
        Ok(Place { pointer, resource })
    }

    fn id_keyword(&self) -> &'static str {
        if self.draft == Draft4 {
            "id"
        } else {
            "$id"
        }
    }

    /// The innermost resource that holds a pointer.
    fn resource_of(&self, pointer: &str) -> String {
        let ends = pointer.match_indices('/').map(|(at, _)| at).chain([pointer.len()]);
        let prefixes: Vec<&str> = ends.map(|end| &pointer[..end]).collect();
        let is_one = |prefix: &&&str| self.document.pointer(prefix).and_then(Value::as_object).is_some_and(|members| is_resource(members, self.draft));
        prefixes.iter().rev().find(is_one).map_or(String::new(), |prefix| prefix.to_string())
    }

    /// The pointer of the schema with this anchor in the resource.
    fn anchor(&self, name: &str, resource: &str) -> Option<String> {
        let id = format!("#{name}");
        let mut open = vec![(resource.to_string(), self.document.pointer(resource)?)];
        while let Some((pointer, value)) = open.pop() {
            match value {
                Value::Object(members) => {
                    if pointer != resource && is_resource(members, self.draft) {
                        continue;
                    }
                    let has = |keyword: &str, text: &str| members.get(keyword).and_then(Value::as_str) == Some(text);
                    let found = if self.draft >= Draft2019 { has("$anchor", name) || has("$dynamicAnchor", name) } else { has(self.id_keyword(), &id) };
                    if found {
                        return Some(pointer);
                    }
                    for (key, inner) in members {
                        if key != "enum" && key != "const" {
                            open.push((format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1")), inner));
                        }
                    }
                }
                Value::Array(items) => open.extend(items.iter().enumerate().map(|(index, inner)| (format!("{pointer}/{index}"), inner))),
                _ => {}
            }
        }
        None
    }
}

/// What several keywords say together and llguidance does not do.
fn check_members(members: &Map<String, Value>, place: &Place) -> Result<(), Failure> {
    // llguidance counts members, and a member may come twice.
    let least = members.get("minProperties").and_then(Value::as_u64).unwrap_or(0);
    let required: HashSet<&str> = members.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    if least > 1 && least > required.len() as u64 {
        return Err(place.at("minProperties").unsupported("minProperties above 1 and above the number of required members is not done"));
    }
    Ok(())
}

/// Without escapes by number (`\u000b`), which `schema_grammar` has reasons not to allow, JSON cannot spell every control character.
fn is_spelled(c: char) -> bool {
    !matches!(c, '\0'..='\x1f' | '\x7f') || matches!(c, '\n' | '\r' | '\t' | '\x08' | '\x0c')
}

fn check_characters(text: &str, place: &Place) -> Result<(), Failure> {
    match text.chars().find(|c| !is_spelled(*c)) {
        Some(c) => Err(place.unsupported(format!("the control character {} is not done", c.escape_unicode()))),
        None => Ok(()),
    }
}

fn check_strings(value: &Value, place: &Place) -> Result<(), Failure> {
    match value {
        Value::String(text) => check_characters(text, place),
        Value::Array(items) => items.iter().try_for_each(|item| check_strings(item, place)),
        Value::Object(members) => members.iter().try_for_each(|(name, member)| {
            check_characters(name, place)?;
            check_strings(member, place)
        }),
        _ => Ok(()),
    }
}

/// In a class such characters only widen or narrow it; beside others llguidance would leave them out.
fn check_pattern(pattern: &str, place: &Place) -> Result<(), Failure> {
    let mut in_class = false;
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '[' => in_class = true,
            ']' => in_class = false,
            '\\' => {
                let number = ["x0", "x1", "x7f", "x7F", "u00", "c", "0", "v"].iter().any(|start| rest.starts_with(start));
                if number && !in_class {
                    return Err(place.unsupported("a control character by number is not done outside of []"));
                }
                rest = rest.strip_prefix(|_: char| true).unwrap_or_default();
            }
            c if !is_spelled(c) => check_characters(&c.to_string(), place)?,
            _ => {}
        }
    }
    Ok(())
}

fn draft_of(document: &Value) -> Result<Draft, Failure> {
    let Some(uri) = document.get("$schema") else { return Ok(Draft2020) };
    match uri.as_str().map(|uri| uri.trim_end_matches('#').trim_start_matches("http://").trim_start_matches("https://")) {
        Some("json-schema.org/draft/2020-12/schema" | "json-schema.org/schema") => Ok(Draft2020),
        Some("json-schema.org/draft/2019-09/schema") => Ok(Draft2019),
        Some("json-schema.org/draft-07/schema") => Ok(Draft7),
        Some("json-schema.org/draft-06/schema") => Ok(Draft6),
        Some("json-schema.org/draft-04/schema") => Ok(Draft4),
        _ => Err(Place::root().at("$schema").unsupported(format!("{} is not known: drafts 4, 6, 7, 2019-09 and 2020-12 are", shown(uri)))),
    }
}

fn is_resource(members: &Map<String, Value>, draft: Draft) -> bool {
    let id = members.get(if draft == Draft4 { "id" } else { "$id" }).and_then(Value::as_str);
    let is_replaced = draft <= Draft7 && members.contains_key("$ref");
    id.is_some_and(|id| !id.starts_with('#')) && !is_replaced
}

fn number(value: &Value, place: &Place) -> Result<Value, Failure> {
    match value.as_f64() {
        Some(number) if number.is_finite() => Ok(value.clone()),
        _ => Err(place.invalid(format!("expected a number, found {}", shown(value)))),
    }
}

/// Whole numbers may be written with a fraction of zero.
fn count(value: &Value, place: &Place) -> Result<Value, Failure> {
    let whole = value.as_u64().or_else(|| value.as_f64().filter(|number| *number >= 0.0 && number.fract() == 0.0 && *number < 1e18).map(|number| number as u64));
    match whole {
        None => Err(place.invalid(format!("expected a whole number, found {}", shown(value)))),
        Some(whole) if whole > MAX_COUNT => Err(place.failure(Cause::TooLarge, format!("{whole} is above {MAX_COUNT}"))),
        Some(whole) => Ok(Value::from(whole)),
    }
}

fn text(value: &Value, place: &Place) -> Result<Value, Failure> {
    match value {
        Value::String(_) => Ok(value.clone()),
        other => Err(place.invalid(format!("expected a string, found {}", shown(other)))),
    }
}

/// The fragment of an address with its %XX as characters.
fn decoded(fragment: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = fragment.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let (high, low) = (char::from(rest.next()?).to_digit(16)?, char::from(rest.next()?).to_digit(16)?);
                (high * 16 + low) as u8
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

/// The failure of a document that llguidance refused with `error`, which names no place: that of the innermost schema which it
/// refuses for the same reason when it stands alone.
pub fn located(vocabulary: &Vocabulary, source: &str, error: &str) -> Failure {
    let failure = Failure::from_llguidance(error);
    let Ok(document) = serde_json::from_str::<Value>(source) else { return failure };
    let mut search = Search { vocabulary, document: &document, trials: 0, seen: HashSet::new() };
    let place = search.innermost(Place::root(), &failure);
    place.failure(failure.cause, explained(&failure.message))
}

/// In our words where llguidance's name an option of its own.
fn explained(message: &str) -> String {
    if let Some(why) = message.strip_prefix("Unsatisfiable schema: ") {
        return format!("allows nothing: {why}");
    }
    if message.starts_with("oneOf constraints are not supported") {
        return "oneOf is done only where the alternatives visibly exclude each other, by their types or by a constant of a required member".to_string();
    }
    message.to_string()
}

struct Search<'a> {
    vocabulary: &'a Vocabulary,
    document: &'a Value,
    trials: usize,
    seen: HashSet<String>,
}

impl Search<'_> {
    fn innermost(&mut self, place: Place, failure: &Failure) -> Place {
        let mut place = place;
        'deeper: loop {
            for child in self.children(&place) {
                if self.seen.insert(child.pointer.clone()) && self.fails_alone(&child, failure) {
                    place = child;
                    continue 'deeper;
                }
            }
            return place;
        }
    }

    fn fails_alone(&mut self, place: &Place, failure: &Failure) -> bool {
        self.trials += 1;
        if self.trials > MAX_TRIALS {
            return false;
        }
        let Some(schema) = self.document.pointer(&place.pointer) else { return false };
        let Ok(lowered) = Lowering::new(self.document).and_then(|lowering| lowering.whole(schema, place)) else { return false };
        let grammar = schema_grammar(lowered);
        let limits = self.vocabulary.factory.limits().clone();
        match GrammarInit::Serialized(grammar).to_cgrammar(None, &mut Logger::new(0, 0), limits, Vec::new()) {
            Ok(_) => false,
            Err(error) => Failure::from_llguidance(&error.to_string()) == *failure,
        }
    }

    /// The schemas directly inside a schema, and the one it refers to.
    fn children(&self, place: &Place) -> Vec<Place> {
        let Some(Value::Object(members)) = self.document.pointer(&place.pointer) else { return Vec::new() };
        let Ok(lowering) = Lowering::new(self.document) else { return Vec::new() };
        let mut children = Vec::new();
        for (keyword, value) in members {
            let here = place.at(keyword);
            match (KEYWORDS.iter().find(|(name, _, _)| name == keyword).map(|(_, _, rule)| rule), value) {
                (Some(Rule::Reference), _) => children.extend(lowering.resolved(value, &here)),
                (Some(Rule::Schema | Rule::Schemas | Rule::Items), Value::Array(schemas)) => {
                    children.extend((0..schemas.len()).map(|index| here.at(&index.to_string())));
                }
                (Some(Rule::Schema | Rule::Items), _) => children.push(here),
                (Some(Rule::NamedSchemas), Value::Object(named)) => children.extend(named.keys().map(|name| here.at(name))),
                _ => {}
            }
        }
        children
    }
}
