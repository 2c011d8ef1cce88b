"""Expressions and small templates for make.py, each rendered alone: what Python values print as, operators, formatting, methods, filters, tests."""

STRINGS = ["''", "'a'", "'Hello, World'", "'  pad\\t\\n'", "'a.b.c'", "'a,b,,c'", "'don\\'t'", "'\"q\"'", "'\u00e9\u00df\u0130\u01c6'", "'\u4e94\u00b2\u0663x'",
           "'one two  three'", "'line1\\nline2\\r\\nline3\\n'", "'ABC def-ghi (jkl)'", "'tab\\there'", "'42'", "'-7'", "'\\u200b\\u00a0\\u0301\\x7f'", "'\U0001f600'"]
NUMBERS = ["0", "1", "-1", "7", "-7", "10", "255", "1000000", "12345678901234567890", "0.0", "-0.0", "0.1", "1.0", "1.5", "2.5", "-2.5", "3.14159", "1e16",
           "1e15", "123456789012345680.0", "1e-4", "1e-5", "1e-7", "1.5e300", "5e-324", "0.1+0.2", "1/3", "2**0.5", "100.0", "1e22", "true", "false"]
OTHERS = ["none", "true", "false", "[]", "[1, 2.0, 'x', none, true]", "()", "(1,)", "(1, 'b')", "{}", "{'a': 1, 'b': [1.5, none]}", "{'k': {'n': 1e-7}}",
          "['it\\'s', '\"', '\\n', '\u00e9', '\\u200b']", "nosuch", "range(3)", "range(1, 10, 3)", "{1: 2, 'x': 3.0, none: 4}"]

METHODS = [
    "capitalize()", "casefold()", "center(15)", "center(14, '*')", "center(3)", "count('a')", "count('')", "count('l', 2, 5)", "endswith('c')",
    "endswith(('d', 'c'))", "endswith('l', 0, 4)", "expandtabs()", "expandtabs(4)", "find('c')", "find('l', 3)", "find('zz')", "index('a')", "rfind('l')", "rindex('l')",
    "isalnum()", "isalpha()", "isascii()", "isdecimal()", "isdigit()", "isidentifier()", "islower()", "isnumeric()", "isprintable()", "isspace()",
    "istitle()", "isupper()", "join(['x', 'y'])", "join('abc')", "join([1])", "ljust(12)", "ljust(12, '.')", "lower()", "lstrip()", "lstrip('a')", "partition('.')", "partition(' ')",
    "removeprefix('a')", "removesuffix('c')", "replace('l', 'L')", "replace('l', 'L', 1)", "replace('', '-')", "rjust(12, '0')", "rpartition('.')", "rpartition('?')",
    "rsplit()", "rsplit('.', 1)", "rsplit(none, 1)", "rsplit(maxsplit=1)", "rstrip()", "rstrip('c\\n')", "split()", "split(',')", "split('.', 1)", "split(' ')", "split(none, 1)",
    "split(sep='.', maxsplit=1)", "splitlines()", "splitlines(true)", "splitlines(keepends=true)", "startswith('a')", "startswith(('x', 'H'))", "startswith('e', 1)", "strip()",
    "strip('a \\n')", "swapcase()", "title()", "translate({97: 'X', 98: none})", "upper()", "zfill(8)", "zfill(1)", "nosuch()", "append('x')", "format()"]

FILTERS = [
    "abs", "int", "int(5)", "int(default=9)", "float", "float(2.5)", "round", "round(1)", "round(2, 'floor')", "round(1, 'ceil')", "round(-1)", "round(method='floor')", "string", "length", "tojson", "list",
    "upper", "lower", "title", "capitalize", "trim", "trim('a')", "default('d')", "default('d', true)", "d('x')", "first", "last", "reverse|list", "sort", "unique|list", "join('-')", "join", "escape", "e",
    "forceescape", "urlencode", "wordcount", "center(12)", "indent", "indent(2, true)", "indent(width=1, blank=true)", "indent('>> ')", "truncate(5)", "truncate(5, true)", "truncate(5, false, '..', 0)", "replace('l', 'L')",
    "replace('a', 'b', 1)", "format(1)", "filesizeformat", "filesizeformat(true)", "batch(2)|list", "batch(2, 'x')|list", "slice(2)|list", "slice(3, 'f')|list", "min", "max", "sum", "count", "items|list", "dictsort",
    "map('string')|list", "map('upper')|join(',')", "select|list", "reject|list", "select('string')|list", "reject('none')|list", "safe", "xmlattr", "nosuch", "tojson(indent=2)"]

TESTS = ["defined", "undefined", "none", "boolean", "true", "false", "integer", "float", "number", "string", "mapping", "sequence", "iterable", "callable", "lower", "upper",
         "odd", "even", "divisibleby(3)", "sameas(true)", "sameas(none)", "eq(1)", "ne(1)", "in([1, 'a'])", "escaped"]

FORMATS = ["%s", "%r", "%a", "%d", "%i", "%5d", "%-5d|", "%05d", "%+d", "% d", "%x", "%X", "%#x", "%o", "%#o", "%f", "%.2f", "%8.3f", "%-8.1f|", "%+.1f", "%e", "%.3E", "%g", "%#g", "%.10g", "%G",
           "%c", "%5s|", "%-5s|", "%.2s", "%5.1s|", "%%", "%.0f", "%#.0f", "%010.3f", "%-010d|", "%.5d", "%s %s", "%", "%y", "%ld", "%(a)s", "no", "%*d", "%.*f"]

SPECS = ["", ">10", "<10", "^10", "*^9", "=8", "08", "+", " ", "d", "x", "#x", "X", "o", "#b", "b", "c", "n", "e", "E", ".3e", "f", ".2f", "F", "g", ".3g", "G", "%", ".1%", ",", ",.2f", "_", "_x", "010,", "08.2f",
         "+.1f", "s", ".2", "10.3", "#.3g", "<+8.2f", "=+10d", "é>6", "12,d", "015,.2f"]

WHOLE = [
    # json.dumps and its arguments
    "{'a': 1, 'b': [1, 2]}|tojson(separators=(',', ':'))", "{'a': 1, 'b': [1, 2]}|tojson(indent=2)", "{'b': 1, 'a': {'d': 1, 'c': 2}}|tojson(sort_keys=true)",
    "{'a': [1, {'b': []}], 'c': {}}|tojson(indent=4, sort_keys=true)", "{'a': '\u00e9\U0001f600'}|tojson(ensure_ascii=true)", "{'a': '\u00e9'}|tojson(true)", "[1, 2]|tojson(false, 3)",
    "[1, 2]|tojson(false, none, (';', '='))", "{'a': 1}|tojson(false, none, (';', '='), true)", "[1, [2]]|tojson(indent='--')", "[1, [2]]|tojson(indent=0)", "[1, [2]]|tojson(indent=-1)",
    "[1]|tojson(nosuch=1)", "[1]|tojson(1, 2, 3, 4, 5)", "[1, 2]|tojson(indent=1, separators=(' ,', ' : '))", "{1: 2, 1.5: 3, none: 5, false: 6}|tojson", "{(1, 2): 3}|tojson", "nosuch|tojson", "[nosuch]|tojson",
    "range(3)|tojson", "'a\\u2028\\x00\\x1f\\x7f\"\\\\/<>&\\''|tojson", "[1e-7, 1e16, 0.1, 1.0, 1e22, -0.0, 12345678901234567890]|tojson", "(1, 2)|tojson", "{'a': 1}.items()|tojson", "true|tojson", "none|tojson",
    "[1.0, 2]|tojson(indent=2, separators=(',', ':'))", "{'b': 1, 2: 3}|tojson(sort_keys=true)",
    # the values that arrive as JSON
    "tools[0].function.parameters|tojson", "tools[0].function.parameters", "tools[0].function.parameters.n.big", "tools[0].function.parameters.n.tiny ~ '|' ~ tools[0].function.parameters.n.large",
    "tools[0].function.parameters.n.values()|list", "tools[0].function.parameters.items", "tools[0].function.parameters['items']", "tools[0].function.parameters.items()|list|length", "tools[0]|tojson(indent=2)",
    "tools[0].function.parameters.items is callable", "tools[0].function.parameters.get('items')", "tools[0].function.parameters.keys()", "tools[0].function.parameters.n.values()",
    # operators
    "7 // 2", "-7 // 2", "7 // -2", "7 % 3", "-7 % 3", "7 % -3", "7.5 // 2", "-7.5 % 2", "1 / 2", "4 / 2", "1 / 0", "1 // 0", "1 % 0", "2 ** 10", "2 ** -1", "2 ** 0.5", "-2 ** 2", "2 ** 3 ** 2", "0 ** 0", "(-8) ** 2",
    "'a' * 3", "3 * 'a'", "'a' * 0", "'a' * -1", "[1] * 2", "(1,) * 2", "'a' * 1.5", "'a' + 'b'", "'a' + 1", "1 + 'a'", "[1] + [2]", "(1,) + (2,)", "[1] + (2,)", "1 + true", "true + true", "1.5 + 1", "nosuch + 1",
    "1 ~ 2", "'a' ~ 1.0 ~ none ~ true ~ [1.0]", "nosuch ~ 'x'", "1 == 1.0", "1 == true", "'1' == 1", "[1, 2] == [1, 2.0]", "(1, 2) == [1, 2]", "{'a': 1} == {'a': 1.0}", "none == false", "1 < 2", "1 < 2.5", "'a' < 'b'",
    "[1, 2] < [1, 3]", "1 < 2 < 3", "1 < 3 < 2", "not none", "not ''", "not 0.0", "1 in [1, 2]", "1.0 in [1, 2]", "'a' in 'abc'", "'a' in {'a': 1}", "'x' not in ['a']", "1 in none", "1 in 5", "'a' in nosuch",
    "-true", "-'a'", "- 1.5", "1 if true", "1 if false", "(1 if false) is undefined", "1 if false else 2", "true and 'x'", "none or 'y'", "[] or {}", "0 and 1", "1 > nosuch", "3 * 0.1", "1e308 * 10", "-(1e308 * 10)", "1e308 * 10 - 1e308 * 10", "10 ** 20", "10 ** 20 * 10 ** 15",
    "7 % 2.5", "'%s' % 'x'", "'%s is %d' % ('x', 3)", "'%(a)s-%(b)05.1f' % {'a': 1, 'b': 2.25}", "'%s' % (1, 2)", "'%s' % [1, 2]", "'%s' % {'a': 1}", "'%s' % none", "'%d' % '3'", "'%d' % 3.9", "'%x' % 3.5", "'%c%c' % (65, 'b')", "'%c' % 'ab'", "'%s %s' % ('a',)",
    "'%(a)s' % (1,)", "'%(b)s' % {'a': 1}", "'%*d|%-*d|' % (5, 1, 5, 2)", "'%.*f' % (2, 3.14159)", "'%5%' % ()", "'abc' % ()", "'abc' % 1", "'abc' % {'a': 1}", "'%s %%' % 5", "'%i%%' % 50", "'%r' % 'it\\'s'", "'%a' % '\u00e9'", "'%10.4s|' % 'abcdefg'", "'%+05d' % 3", "'%(x y)s' % {'x y': 1}",
    "'%s'|format('x')", "'%s-%s'|format(1, 2.0)", "'%(a)s'|format(a=3)", "'%s'|format(1, a=2)", "'%s%s'|format(1)", "'%.3f'|format(2)", "'%d'|format(true)", "3|format(1)",
    # subscripts, attributes and slices
    "'abc'[0]", "'abc'[-1]", "'abc'[5]", "'abc'[1:]", "'abc'[::-1]", "'abcdef'[1:5:2]", "'abcdef'[-3:-1]", "'abcdef'[4:1:-1]", "'abc'[10:]", "[1, 2, 3][1:]", "[1, 2, 3][::-1]", "(1, 2, 3)[:2]", "[1, 2, 3][-2:]", "[1, 2, 3][1]", "[1, 2, 3][-1]", "[1, 2, 3][9]", "[1, 2, 3][::0]", "[1,2,3]['a']",
    "{'a': 1}.a", "{'a': 1}['a']", "{'a': 1}.b", "{'a': 1}['b'] is undefined", "nosuch.x", "nosuch['x']", "none.x", "none['x']", "(1).x", "{'items': 5}.items", "{'items': 5}['items']", "{'get': 5}.get('get')", "'abc'.upper", "('abc'.upper)()", "[1, 2].count(1)", "[1, 2, 1].index(1)", "[1, 2, 1].index(1, 1)", "[1].index(5)", "(1, 2, 1).count(1)",
    "[1, 2].append(3)", "[1].copy()", "{'a': 1}.update({'b': 2})", "{'a': 1}.pop('a')", "{'a': 1}.copy()", "{'a': 1}.get('a')", "{'a': 1}.get('b')", "{'a': 1}.get('b', 7)", "{'a': 1}.get([])", "{'a': 1, 'b': 2}.keys()", "{'a': 1}.values()", "{'a': 1}.items()", "{'a': 1, 'b': 2}.keys()|list", "{}.fromkeys(['a', 'b'], 1)", "{'a': 1}.nosuch()",
    "[1, [2, 3]][1][0]", "range(5)[1:3]|list", "range(5)[-1]", "range(5)|length", "range(0)|list", "range(5, 0, -2)|list", "range(100001)|length", "range(1, 2, 0)", "dict(a=1, b=2)", "dict([('a', 1)])", "dict({'a': 1}, b=2)", "dict(1)", "2.0.is_integer()", "2.5.is_integer()", "'a'.encode()",
    # filters with more to them
    "[3, 1, 2]|sort", "['b', 'A', 'c']|sort", "['b', 'A', 'c']|sort(case_sensitive=true)", "['b', 'A', 'c']|sort(reverse=true)", "[1, 'a']|sort", "[{'n': 2}, {'n': 1}]|sort(attribute='n')", "[{'n': 2, 'm': 1}, {'n': 1, 'm': 9}, {'n': 1, 'm': 3}]|sort(attribute='n,m')", "['a', 'A', 'b']|unique|list",
    "['a', 'A', 'b']|unique(true)|list", "[1, 1.0, true, 2]|unique|list", "[[1], [1]]|unique|list", "[(1, 2), (1, 2)]|unique|list", "{'b': 1, 'A': 2}|dictsort", "{'b': 1, 'A': 2}|dictsort(true)", "{'b': 1, 'A': 2}|dictsort(false, 'value')", "{'b': 1, 'A': 2}|dictsort(reverse=true)", "{'b': 1}|dictsort(by='x')", "{'b': 1, 'a': 2}|items|list", "nosuch|items|list", "5|items|list",
    "[1, 2, 3]|sum", "[1.5, 2]|sum", "[[1], [2]]|sum(start=[])", "[{'a': 1}, {'a': 2}]|sum(attribute='a')", "[]|sum", "[]|max", "[1, 3, 2]|max", "['a', 'B']|max", "['a', 'B']|min", "[{'a': 3}, {'a': 1}]|max(attribute='a')", "[{'r': 'u', 'c': 1}, {'r': 's', 'c': 2}]|selectattr('r', 'equalto', 'u')|list", "[{'r': 'u'}, {'c': 2}]|selectattr('r')|list", "[{'r': 'u'}, {'c': 2}]|rejectattr('r', 'defined')|list",
    "[1, 2, 3, 4]|select('even')|list", "[1, 2, 3]|reject('odd')|list", "[1, 2, 3]|select('>', 1)|list", "[0, 1, '', 'a', none]|select|list", "[{'a': {'b': 1}}]|map(attribute='a.b')|list", "[[1, 2], [3, 4]]|map(attribute=1)|list", "[{'a': 1}, {}]|map(attribute='a', default='x')|list", "[1, 2]|map('string')|join('+')", "['a b', 'c']|map('replace', ' ', '_')|list", "['1', 'x']|map('int', default=-1)|list", "['a']|map(attribute='upper')|list|length",
    "[{'t': 'x', 'n': 1}, {'t': 'y', 'n': 2}, {'t': 'X', 'n': 3}]|groupby('t')|map('first')|list", "[{'t': 'x', 'n': 1}, {'n': 2}]|groupby('t', default='z')|map(attribute='grouper')|list", "[{'t': 'x', 'n': 1}]|groupby('t')", "[{'t': 'x', 'n': 1}]|groupby('t')|map(attribute='list')|list", "'abc'|reverse", "[1, 2]|reverse|list", "'abc'|first", "'abc'|last", "[]|first", "[]|last is undefined", "{'a': 1}|first", "'abc'|list", "{'a': 1}|list", "5|list", "none|list",
    "5|length", "none|length", "'\u00e9\U0001f600'|length", "[1, 2]|join(', ', attribute='x')", "[1, none, 'a']|join", "['a', 'b']|join(d='/')", "'a'|join('-')", "'a b'|title", "\"it's-a (test)\"|title", "'ABC'|capitalize", "'hello world foo'|truncate(9)", "'hello world foo'|truncate(9, leeway=0)", "'hello world foo'|truncate(9, true, leeway=0)", "'a b c'|wordcount", "'x'|center(5)", "'a\\nb\\n\\nc'|indent", "'a\\nb\\n\\nc\\n'|indent(2, true, true)",
    "'a\\nb'|indent('\\t')", "'<a href=\"x\">\\'&'|escape", "'<b>'|safe|escape", "'<b>'|forceescape", "'a b/c?d=\u00e9&'|urlencode", "{'a b': 'c/d', 'e': 1}|urlencode", "1000|filesizeformat", "1|filesizeformat", "999|filesizeformat", "1234567|filesizeformat", "1024|filesizeformat(true)", "{'class': 'a<b', 'id': none, 'x': 1}|xmlattr", "{'a': 1}|xmlattr(false)",
    "'0x1f'|int(0, 16)", "'0b11'|int(base=0)", "'1_000'|int", "' 12 '|int", "'12.9'|int", "'1e3'|int", "'x'|int(7)", "none|int", "none|int(3)", "'inf'|float", "'nan'|float", "'1e400'|float", "' 1.5 '|float", "'1_0.5'|float", "'x'|float(2)", "3.7|int", "-3.7|int", "true|int", "'\u0663'|int", "2.675|round(2)", "2.5|round", "3.5|round", "-2.5|round|int", "5|round", "5|round(2)", "15|round(-1)", "25|round(-1)", "2.567|round(1, 'ceil')", "2.567|round(1, 'floor')", "1.23456789e10|round(3)",
    "[1, 2, 3, 4, 5]|batch(2)|list", "[1, 2, 3]|batch(2, 0)|list", "[1, 2, 3, 4, 5, 6, 7]|slice(3)|list", "[1, 2, 3, 4]|slice(3, 'x')|list", "nosuch|default", "nosuch|default('x')", "none|default('x')", "none|default('x', true)", "''|default('x', boolean=true)", "nosuch.a|default('x')", "{'a': 1}|attr('a')", "{'a': 1}|attr('nosuch') is undefined", "'x'|string", "1.0|string", "[1.0]|string", "nosuch|string", "nosuch|upper", "none|upper", "nosuch|trim", "none|string ~ ''", "5|upper", "'a'|nosuch", "1 is nosuch", "nosuchf()", "nosuch()", "'a'()",
    "1 is odd", "2.0 is even", "2.5 is odd", "'a' is odd", "1 is divisibleby 0", "'upper' is filter", "'nosuch' is filter", "'odd' is test", "'nosuch' is test", "range is callable", "'a'.upper is callable", "{'a': 1}.a is callable", "1 is sameas 1", "1 is sameas 1.0", "'a' is in 'abc'", "1 is eq 1", "1 is not none", "nosuch is iterable", "range(3) is sequence", "{}.items() is iterable", "{}.keys() is sequence", "{} is sequence", "none is iterable", "5 is iterable", "1.0 is integer", "true is integer", "true is number",
    "cycler(1, 2).next()", "joiner('|')()", "namespace(a=1).a", "namespace({'a': 1}, b=2).b", "namespace().x is undefined", "lipsum", "'{}'.format(1.0)", "'{0} {1} {0}'.format('a', 'b')", "'{a} {b!r}'.format(a=1, b='x')", "'{} {}'.format(1)", "'{:>{w}}'.format('x', w=5)", "'{0[a]} {1[0]}'.format({'a': 1}, [2])", "'{{}} {}'.format(1)", "'{'.format()", "'}'.format()", "'{0}{}'.format(1)", "'{a}'.format_map({'a': 1})", "'{}'.format(none)", "'{:5}'.format(none)", "'{}'.format([1.0, 'x'])", "'{:d}'.format('x')", "'{!s:>4}'.format(1)", "'{!a}'.format('\u00e9')", "'{0.upper}'.format('a') is string",
]

TEMPLATES = [
    "{% for x in [1, 2, 3] %}{{ loop.index }}{{ loop.index0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.cycle('a', 'b') }}{{ loop.depth }};{% endfor %}",
    "{% for x in [1, 1, 2] %}{{ loop.changed(x) }}{% endfor %}", "{% for k, v in {'a': 1, 'b': 2.0}.items() %}{{ k }}={{ v }};{% endfor %}", "{% for k in {'a': 1} %}{{ k }}{% else %}none{% endfor %}", "{% for x in [] %}{{ x }}{% else %}empty{% endfor %}",
    "{% for x in [1, 2, 3, 4] if x is even %}{{ x }}{{ loop.index }}{% endfor %}", "{% for x in range(5) %}{% if x == 1 %}{% continue %}{% endif %}{% if x == 3 %}{% break %}{% endif %}{{ x }}{% endfor %}", "{% for a, b in [(1, 2), [3, 4]] %}{{ a + b }} {% endfor %}", "{% for a, (b, c) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}",
    "{% for x in 'ab' %}{{ x }}-{% endfor %}", "{% for x in [[1, [2]], [3]] recursive %}{{ x if x is number else loop(x) }}{% endfor %}", "{% set ns = namespace(n=0) %}{% for x in range(4) %}{% set ns.n = ns.n + x %}{% endfor %}{{ ns.n }}", "{% set x = 1 %}{% for i in [1] %}{% set x = 2 %}{% endfor %}{{ x }}", "{% set a, b = 1, 2 %}{{ a }}{{ b }}", "{% set x %}a{{ 1.0 }}b{% endset %}{{ x }}|{{ x|length }}",
    "{% set x | upper %}abc{% endset %}{{ x }}", "{% filter upper %}a{{ 'b' }}{% endfilter %}", "{% macro m(a, b='x') %}[{{ a }}{{ b }}]{% endmacro %}{{ m(1) }}{{ m(1, 2) }}{{ m(a=3, b=4) }}{{ m() }}", "{% macro m() %}<{{ caller() }}>{% endmacro %}{% call m() %}in{% endcall %}", "{% macro m(x) %}{% if x > 0 %}{{ x }}{{ m(x - 1) }}{% endif %}{% endmacro %}{{ m(3) }}",
    "{% macro m() %}{{ caller('v') }}{% endmacro %}{% call(q) m() %}[{{ q }}]{% endcall %}", "{% with a=1, b=2 %}{{ a + b }}{% endwith %}{{ a }}", "{% if nosuch %}a{% elif 0.0 %}b{% elif [] %}c{% else %}d{% endif %}", "{% raw %}{{ x }}{% endraw %}", "a{# comment #}b", "  {%- if true -%}  x  {%- endif -%}  ", "a\n  {% if true %}\n b\n  {% endif %}\nc\n", "a  {{- 1 -}}  b", "{{ '\\n' }}|", "x\n{% set a = 1 %}\n\ny",
    "{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.current }}{{ c.next() }}{{ c.next() }}{{ c.reset() }}{{ c.current }}", "{% set j = joiner(', ') %}{% for x in [1, 2, 3] %}{{ j() }}{{ x }}{% endfor %}", "{% block b %}in block{% endblock %}", "{% autoescape true %}{{ '<' }}{{ '<'|safe }}{{ 1.0 }}{{ ['<'] }}{% endautoescape %}{{ '<' }}", "{% for m in messages %}{{ m.role }}: {{ m['content'] }}{% if not loop.last %}, {% endif %}{% endfor %}",
    "{% for m in messages[1:] %}{{ m.role }}{% endfor %}", "{% set messages = messages[1:] %}{{ messages|length }}{{ messages[0].content }}", "{% for m in messages|selectattr('role', 'ne', 'system') %}{{ m.role }}{{ loop.index }}{% endfor %}", "{% if messages[0]['role'] == 'system' %}{% set s = messages[0].content|trim + '\\n' %}{% else %}{% set s = '' %}{% endif %}{{ s }}", "{{ messages[-1].content[-3:] }}", "{{ messages|map(attribute='role')|join(',') }}", "{{ messages }}", "{{ messages|tojson }}",
    "{{ messages[0].tool_calls is defined }}{{ messages[0].name is defined }}{{ messages[0].get('content') }}", "{% for m in messages|reverse %}{{ m.role }}{% endfor %}", "{% for k, v in messages[0]|items %}{{ k }}={{ v }} {% endfor %}", "{% for group in messages|groupby('role') %}{{ group.grouper }}:{{ group.list|length }};{% endfor %}", "{% for role, items in messages|groupby('role') %}{{ role }}:{{ items|length }};{% endfor %}", "{% generation %}g{% endgeneration %}", "{%- generation -%} g {%- endgeneration -%} h",
    "{% set x = {'a': [1, 2]} %}{% for k, v in x.items() %}{% for i in v %}{{ k }}{{ i }}{{ loop.index }}{% endfor %}{% endfor %}", "{{ none }}{{ true }}{{ 1.50 }}{{ 'x' }}{{ nosuch }}", "{% for c in 'a b'.split() %}{{ c }}{% endfor %}", "{{ bos_token }}{{ eos_token }}{{ add_generation_prompt }}{{ documents }}", "{% set x = [1] %}{% set y = x + [2] %}{{ x }}{{ y }}", "{% macro m(a) %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1) }}", "{% for x in [3, 1] | sort %}{{ x }}{% endfor %}", "{{ 1, 2 }}", "{{ [1, 2,] }}{{ {'a': 1,} }}", "{{ 'a' 'b' }}", "{{ +1 }}",
    "{% set x = 'abc' %}{% set f = x.upper %}{{ f() }}", "{% include 'x' %}", "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<' + message.role + '>' %}{% if loop.index0 == 0 %}{{ content }}{% endif %}{% endfor %}", "{% if (messages[0].role == 'user') != (0 % 2 == 0) %}a{% else %}b{% endif %}", "{{ raise_exception('no: ' ~ 1.0) }}", "{%- for i in range(3) -%}\n{{ i }}\n{%- endfor %}", "{% for i in range(2) %}\n  {{ i }}\n{% endfor %}", "{{ 'x' if messages else 'y' }}",
] + [f"{{{{ strftime_now('{f}') }}}}" for f in ["%d %b %Y", "%Y-%m-%d", "%B %-d, %Y", "%F", "%T", "%A %j %U %W %V %G", "%e|%k|%l|%P|%p", "%c", "%x %X %r %R %D", "%Q %", "%%", "%^a %#p %_d %-m", "%10d|%-5H|%05M|%_6S", "%u %w %C %g %y", "%Ey %Od %EQ", "%n%t|", "%h", "%z%Z|", "é %Y"]]


def sources():
    yield from ("{{ " + e + " }}" for e in STRINGS + NUMBERS + OTHERS)
    yield from ("{% set x = " + e + " %}{{ [x] }}{{ x ~ '|' }}{{ x|string }}" for e in STRINGS + NUMBERS + OTHERS)
    yield from ("{{ (" + e + ")|tojson }}" for e in STRINGS + NUMBERS + OTHERS)
    yield from ("{{ (" + s + ")." + m + " }}" for s in STRINGS for m in METHODS)
    yield from ("{{ (" + e + ")|" + f + " }}" for e in STRINGS[::2] + NUMBERS[::2] + OTHERS for f in FILTERS)
    yield from ("{{ (" + e + ") is " + t + " }}" for e in STRINGS[:3] + NUMBERS[::3] + OTHERS for t in TESTS)
    yield from ("{{ '" + f + "' % (" + v + ") }}" for f in FORMATS for v in ["5", "-3", "2.5", "-1234.5678", "1e20", "'abc'", "65", "true", "none", "(1, 2)", "{'a': 1.5}", "1e-5", "100000.0"])
    yield from ("{{ '{:" + s + "}'.format(" + v + ") }}" for s in SPECS for v in ["5", "-1234567", "2.5", "-1234.5678", "1e20", "'abc'", "0.00001", "true", "0"])
    # By variables: what is constant is computed by the engine when it compiles, see rust/README.md.
    yield from ("{% set a = " + a + " %}{% set b = " + b + " %}{{ a " + op + " b }}" for op in ["+", "-", "*", "/", "//", "%", "**", "~", "==", "<", ">="] for a in ["7", "-7", "2.5", "true", "'a'", "none", "[1]"] for b in ["2", "-2", "0.5", "0", "'b'", "none", "[2]"]
                if (a, op, b) != ("-7", "**", "0.5"))
    yield from ("{{ " + e + " }}" for e in WHOLE)
    yield from TEMPLATES
