//! Grammars over a vocabulary of the 256 bytes, an end token (256) and a special one (257).

use super::*;

const END: u32 = 256;

fn vocabulary() -> Vocabulary {
    let bytes: Vec<[u8; 1]> = (0..=255).map(|byte| [byte]).collect();
    let plain = bytes.iter().map(|byte| (&byte[..], false));
    let special = [(&b"<|end|>"[..], true), (&b"<|call|>"[..], true)];
    Vocabulary::new(plain.chain(special), &[END]).unwrap()
}

fn compile(kind: Kind, source: &str) -> Result<Grammar, Failure> {
    Grammar::compile(&Arc::new(vocabulary()), kind, source.to_string())
}

fn failure(kind: Kind, source: &str) -> Failure {
    compile(kind, source).err().expect("a failure")
}

/// Whether all of `text` is in the language.
fn accepts(kind: Kind, source: &str, text: &str) -> bool {
    let mut state = compile(kind, source).expect("a grammar").begin();
    text.bytes().all(|byte| state.accept(byte.into()).unwrap()) && state.may_end().unwrap()
}

fn allowed(state: &mut State) -> Vec<u32> {
    let mut words = [0u32; 9];
    state.mask(&mut words).unwrap();
    (0..258).filter(|token| words[token / 32] >> (token % 32) & 1 == 1).map(|token| token as u32).collect()
}

#[test]
fn a_mask_has_what_may_follow_and_the_end_where_it_may_end() {
    let mut state = compile(Kind::Regex, "ab?").unwrap().begin();
    assert_eq!(allowed(&mut state), [u32::from(b'a')]);
    assert!(state.accept(b'a'.into()).unwrap());
    assert_eq!(allowed(&mut state), [u32::from(b'b'), END]);
    assert!(state.may_end().unwrap() && !state.is_complete());
    assert!(state.accept(b'b'.into()).unwrap());
    assert!(state.is_complete());
    assert!(allowed(&mut state).is_empty());
}

#[test]
fn a_token_that_may_not_follow_is_refused_and_changes_nothing() {
    let mut state = compile(Kind::Regex, "ab").unwrap().begin();
    assert!(!state.accept(b'x'.into()).unwrap());
    assert!(!state.accept(END).unwrap());
    assert!(!state.accept(9999).unwrap());
    assert_eq!(allowed(&mut state), [u32::from(b'a')]);
}

#[test]
fn rewinding_gives_the_masks_of_before_also_after_the_end() {
    let mut state = compile(Kind::JsonObject, "").unwrap().begin();
    let text = br#"{"a": [1, true], "b": {"c": null}}"#;
    let mut masks = Vec::new();
    for byte in text {
        masks.push(allowed(&mut state));
        assert!(state.accept((*byte).into()).unwrap());
    }
    assert!(state.is_complete());
    for keep in [text.len() - 1, 20, 7, 0] {
        state.rewind(text.len() - keep).unwrap();
        for (at, byte) in text.iter().enumerate().skip(keep) {
            assert_eq!(allowed(&mut state), masks[at], "at {at} after rewinding to {keep}");
            assert!(state.accept((*byte).into()).unwrap());
        }
    }
}

#[test]
fn sequences_of_one_grammar_do_not_see_each_other() {
    let grammar = compile(Kind::Regex, "[a-z]+x").unwrap();
    let (mut one, mut other) = (grammar.begin(), grammar.begin());
    for byte in b"abcdefx" {
        assert!(one.accept((*byte).into()).unwrap());
    }
    assert!(one.may_end().unwrap() && !other.may_end().unwrap());
    assert_eq!(allowed(&mut other), (u32::from(b'a')..=u32::from(b'z')).collect::<Vec<_>>());
}

#[test]
fn choices_are_taken_whole() {
    let source = r#"["yes", "yes, but", "n/o", "a.b", "ü\n"]"#;
    for text in ["yes", "yes, but", "n/o", "a.b", "ü\n"] {
        assert!(accepts(Kind::Choice, source, text), "{text}");
    }
    for text in ["", "ye", "yes,", "axb", "no"] {
        assert!(!accepts(Kind::Choice, source, text), "{text}");
    }
    assert_eq!(failure(Kind::Choice, "[]").cause, Cause::Invalid);
    assert_eq!(failure(Kind::Choice, r#"["a", ""]"#).cause, Cause::Invalid);
    assert_eq!(failure(Kind::Choice, "yes").cause, Cause::Invalid);
}

#[test]
fn a_regular_expression_matches_all_of_the_text() {
    assert!(accepts(Kind::Regex, r"^\d{4}-\d{2}$", "2026-11"));
    assert!(!accepts(Kind::Regex, r"\d{4}-\d{2}", "x2026-11"));
    assert!(accepts(Kind::Regex, r"a/b\n", "a/b\n"));
    assert_eq!(failure(Kind::Regex, "a(").cause, Cause::Invalid);
    assert_ne!(failure(Kind::Regex, r"a(?=b)").cause, Cause::Internal);
}

#[test]
fn lark_grammars_may_ask_for_special_tokens() {
    let mut state = compile(Kind::Lark, "start: <|call|> /[a-z]+/").unwrap().begin();
    assert_eq!(allowed(&mut state), [257]);
    assert!(state.accept(257).unwrap() && state.accept(b'f'.into()).unwrap());
    let wrong = failure(Kind::Lark, "start: a\nb: \"x\"");
    assert_eq!(wrong.cause, Cause::Invalid);
    assert!(wrong.message.contains('1'), "{}", wrong.message);
}

#[test]
fn white_space_in_json_is_bounded() {
    assert!(accepts(Kind::JsonObject, "", "{\n    \"a\": 1,\n    \"b\": 2\n}"));
    assert!(!accepts(Kind::JsonObject, "", "{\"a\":  1}"));
    assert!(!accepts(Kind::JsonObject, "", "{\n\n\"a\": 1}"));
}

mod json_schema {
    use super::*;

    fn is_valid(schema: &str, text: &str) -> bool {
        accepts(Kind::JsonSchema, schema, text)
    }
    fn refused(schema: &str) -> String {
        let failure = failure(Kind::JsonSchema, schema);
        assert_eq!(failure.cause, Cause::Unsupported, "{}", failure.message);
        failure.message
    }

    #[test]
    fn what_is_not_done_is_refused_by_its_path() {
        assert_eq!(refused(r#"{"properties": {"a/b": {"items": {"not": {}}}}}"#), "at #/properties/a~1b/items/not: not is not done");
        assert_eq!(refused(r#"{"anyOf": [{}, {"uniqueItems": true}]}"#), "at #/anyOf/1/uniqueItems: uniqueItems is not done");
        assert_eq!(refused(r##"{"$ref": "#/$defs/x", "$defs": {"x": {"if": {}, "then": {}}}}"##), "at #/$defs/x/if: if is not done");
        assert_eq!(refused(r#"{"items": {"format": "regex"}}"#), "at #/items/format: format regex is not done");
        assert!(refused(r#"{"$ref": "https://example.com/x"}"#).starts_with("at #/$ref: refers to another document"));
    }

    #[test]
    fn what_llguidance_refuses_is_found_in_the_schema() {
        let message = refused(r#"{"properties": {"a": {"type": "string"}, "b": {"items": {"oneOf": [{"type": "string"}, {"minLength": 2}]}}}}"#);
        assert!(message.starts_with("at #/properties/b/items: oneOf is done only where"), "{message}");
        let failure = failure(Kind::JsonSchema, r#"{"items": {"pattern": "a("}}"#);
        assert!(failure.message.starts_with("at #/items: "), "{}", failure.message);
    }

    #[test]
    fn what_is_no_schema_is_invalid_by_its_path() {
        for (schema, path) in [
            ("7", "at #:"),
            ("false", "at #:"),
            (r#"{"type": "text"}"#, "at #/type:"),
            (r#"{"properties": {"a": []}}"#, "at #/properties/a:"),
            (r#"{"minLength": -1}"#, "at #/minLength:"),
            (r#"{"required": "a"}"#, "at #/required:"),
            (r#"{"anyOf": []}"#, "at #/anyOf:"),
            (r##"{"$ref": "#/nowhere"}"##, "at #/$ref:"),
            ("{", "not JSON"),
        ] {
            let failure = failure(Kind::JsonSchema, schema);
            assert_eq!(failure.cause, Cause::Invalid, "{schema}: {}", failure.message);
            assert!(failure.message.starts_with(path), "{schema}: {}", failure.message);
        }
    }

    #[test]
    fn keywords_without_effect_do_no_harm() {
        let schema = r#"{"type": "integer", "then": {}, "minContains": 1, "uniqueItems": false, "title": 7, "x-guidance": {"lenient": true},
                        "unheard-of": {"not": {}}, "$defs": {"unused": {"not": {}}}}"#;
        assert!(is_valid(schema, "7") && !is_valid(schema, "\"7\""));
    }

    #[test]
    fn references_go_to_pointers_anchors_and_themselves() {
        let tree = r##"{"type": "object", "properties": {"children": {"type": "array", "items": {"$ref": "#"}}}, "additionalProperties": false}"##;
        assert!(is_valid(tree, r#"{"children": [{"children": []}, {}]}"#));
        assert!(!is_valid(tree, r#"{"children": [1]}"#));
        let anchored = r##"{"$ref": "#here", "$defs": {"a%b/c": {"$anchor": "here", "$ref": "#/$defs/d~1e"}, "d/e": {"type": "null"}}}"##;
        assert!(is_valid(anchored, "null") && !is_valid(anchored, "1"));
    }

    #[test]
    fn alternatives_told_apart_by_a_constant_may_be_references() {
        let schema = r##"{"oneOf": [{"$ref": "#/$defs/cat"}, {"$ref": "#/$defs/dog"}], "$defs": {
            "cat": {"type": "object", "properties": {"kind": {"const": "cat"}, "lives": {"type": "integer"}}, "required": ["kind", "lives"]},
            "dog": {"type": "object", "properties": {"kind": {"const": "dog"}}, "required": ["kind"]}}}"##;
        assert!(is_valid(schema, r#"{"kind": "cat", "lives": 9}"#));
        assert!(is_valid(schema, r#"{"kind": "dog"}"#));
        assert!(!is_valid(schema, r#"{"kind": "cat"}"#));
    }

    #[test]
    fn a_member_named_in_the_schema_cannot_hide_behind_escapes() {
        let schema = r#"{"type": "object", "properties": {"a": {"type": "integer"}}}"#;
        assert!(is_valid(schema, r#"{"a": 1, "b": "x"}"#));
        assert!(!is_valid(schema, "{\"\\u0061\": \"x\"}"));
    }

    #[test]
    fn control_characters_that_json_cannot_spell_here_are_refused() {
        assert!(is_valid(r#"{"const": "a\n\tb"}"#, r#""a\n\tb""#));
        assert!(is_valid(r#"{"pattern": "^[^\\x00-\\x1f]+$"}"#, "\"ab\""));
        for schema in [r#"{"const": "a\u0000b"}"#, r#"{"enum": [{"\u0001": 1}]}"#, r#"{"properties": {"\u007f": {}}}"#, r#"{"pattern": "a\\x01b"}"#, r#"{"pattern": "a\u0001"}"#] {
            assert!(refused(schema).contains("control character"), "{schema}");
        }
    }

    #[test]
    fn older_drafts_mean_what_they_meant() {
        let tuple = r#"{"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"type": "integer"}], "additionalItems": {"type": "null"}}"#;
        assert!(is_valid(tuple, "[1, null]") && !is_valid(tuple, "[1, 2]"));
        let beside = r##"{"$schema": "http://json-schema.org/draft-07/schema#", "properties": {"a": {"$ref": "#/definitions/n", "not": {}}}, "definitions": {"n": {"type": "null"}}}"##;
        assert!(is_valid(beside, r#"{"a": null}"#));
    }
}

mod gbnf {
    use super::*;

    #[test]
    fn the_rules_of_llama_cpp_for_json_take_json() {
        let source = r##"
root   ::= object
value  ::= object | array | string | number | ("true" | "false" | "null") ws

object ::=
  "{" ws (
            string ":" ws value
    ("," ws string ":" ws value)*
  )? "}" ws

array  ::=
  "[" ws (
            value
    ("," ws value)*
  )? "]" ws

string ::=
  "\"" (
    [^"\\\x7F\x00-\x1F] |
    "\\" (["\\bfnrt] | "u" [0-9a-fA-F]{4}) # escapes
  )* "\"" ws

number ::= ("-"? ([0-9] | [1-9] [0-9]{0,15})) ("." [0-9]+)? ([eE] [-+]? [0-9] [1-9]{0,15})? ws

ws ::= ([ \t\n] ws)?
"##;
        for text in ["{}", "{\"a\": [1, -2.5e3, \"x\\n\\u00e4\", true, {}]}", "{ \"ü\" :\n\t null }"] {
            let spaced = text.replace("\" :", "\":");
            assert!(accepts(Kind::Gbnf, source, &spaced), "{spaced}");
        }
        for text in ["[]", "{\"a\"}", "{\"a\": 01x}"] {
            assert!(!accepts(Kind::Gbnf, source, text), "{text}");
        }
    }

    #[test]
    fn what_is_regular_is_matched_exactly() {
        let source = "root ::= [a-z]* \"x\" last?\nlast ::= .{2,3} | \"\" | [^\\n-]";
        for text in ["x", "abxx", "axü!", "ax-é\n", "xx"] {
            assert!(accepts(Kind::Gbnf, source, text), "{text}");
        }
        for text in ["", "ab", "ax-", "ax1234"] {
            assert!(!accepts(Kind::Gbnf, source, text), "{text}");
        }
    }

    #[test]
    fn rules_may_contain_themselves() {
        let source = "root ::= term ([-+*] term)*\nterm ::= [0-9]+ | \"(\" root \")\"\n";
        for text in ["1", "(1+(22*3))-4"] {
            assert!(accepts(Kind::Gbnf, source, text), "{text}");
        }
        for text in ["(1", "1+", "()"] {
            assert!(!accepts(Kind::Gbnf, source, text), "{text}");
        }
        assert!(accepts(Kind::Gbnf, "root ::= \"a\" root \"a\" | \"b\" root \"b\" | \"\"", "abbbba"));
        assert!(accepts(Kind::Gbnf, "root ::= root \"a\" | \"b\"", "baaa"));
    }

    #[test]
    fn failures_say_line_and_column() {
        for (source, message) in [
            ("root ::= \"a\n", "line 1, column 10: text that does not end"),
            ("root ::= \"a\"\nx := y", "line 2, column 4: expected \"::=\", found '='"),
            ("root ::= a b\na ::= \"x\"", "line 1, column 12: there is no rule \"b\""),
            ("a ::= \"x\"", "has no rule \"root\""),
            ("root ::= \"a\"\nroot ::= \"b\"", "line 2, column 1: a second rule \"root\""),
            ("root ::= [z-a]", "line 1, column 13: characters from 'z' to 'a': the second is below the first"),
            ("root ::= (\"a\"", "line 1, column 14: expected a part of a rule or \")\", found the end"),
            ("root ::= *", "line 1, column 10: there is nothing to repeat"),
            ("root ::= \"\\q\"", "line 1, column 11: no escape: \\q"),
            ("root ::= \"a\"{3,2}", "line 1, column 14: the greatest number of repeats is below the least"),
        ] {
            assert_eq!(failure(Kind::Gbnf, source), Failure::invalid(message), "{source}");
        }
    }
}

mod bombs {
    use super::*;

    #[test]
    fn nesting_is_bounded() {
        let deep = 60_000;
        for (kind, source) in [
            (Kind::Gbnf, format!("root ::= {}\"a\"{}", "(".repeat(deep), ")".repeat(deep))),
            (Kind::Lark, format!("start: {}\"a\"{}", "(".repeat(deep), ")".repeat(deep))),
            (Kind::Regex, format!("{}a{}", "(".repeat(deep), ")".repeat(deep))),
            (Kind::JsonSchema, format!("{}{}", "{\"items\":".repeat(deep / 2), "}".repeat(deep / 2))),
            (Kind::Gbnf, format!("root ::= {}", "[".repeat(300_000))),
        ] {
            let failure = failure(kind, &source);
            assert_ne!(failure.cause, Cause::Internal, "{kind:?}: {}", failure.message);
        }
    }

    #[test]
    fn repeats_are_bounded() {
        assert_eq!(failure(Kind::Gbnf, "root ::= \"a\"{9999999}").cause, Cause::TooLarge);
        assert_eq!(failure(Kind::JsonSchema, r#"{"maxItems": 99999999999}"#).cause, Cause::TooLarge);
        for source in ["((a{1000}){1000}){1000}", "(((((a{99}b?){99}c?){99}d?){99}e?){99}f?){99}", "(a|b|c){1000000}", "(x+x+)+y{0,4000000000}"] {
            if let Err(failure) = compile(Kind::Regex, source) {
                assert_ne!(failure.cause, Cause::Internal, "{source}: {}", failure.message);
            }
        }
    }
}
