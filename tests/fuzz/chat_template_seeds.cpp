// Writes the corpus chat_template_fuzz begins with: one small template for each part of the language.
#include <cstdio>
#include <fstream>
#include <string>

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: chat_template_seeds FOLDER\n");
    return 2;
  }
  int number = 0;
  for (const char* source :
       {"{{ bos_token }}{% for m in messages %}<|{{ m.role }}|>{{ m['content']|trim }}{% if not loop.last %}\n{% endif %}{% endfor %}",
        "{{ tools|tojson(indent=2, separators=(',', ':')) }}{{ messages[1].tool_calls[0].function.arguments.items()|list }}",
        "{% set ns = namespace(n=0) %}{% for x in range(9)|reverse %}{% set ns.n = ns.n + x ** 2 // 3 %}{% endfor %}{{ '%05.2f|%-3s' % "
        "(ns.n, 'a') }}",
        "{% macro f(a, b='x') %}{{ a ~ b }}{{ caller() }}{% endmacro %}{% call f(1.0) %}{{ strftime_now('%d %b %-Y %Q') }}{% endcall %}",
        "{{ messages|selectattr('role', 'eq', 'user')|map(attribute='content')|join(', ')|title|truncate(9) }}{{ messages[::-1][0:1] }}",
        "{{ messages[0].content.split('a', 1)[-1].strip('x').center(9, '*').replace('b', 'c')[::-1] }}{{ '{:>{w},.2f}'.format(1e5, w=12) "
        "}}",
        "{% if messages[0].content is string and 'a' in messages[0].content %}{{ raise_exception('no') }}{% elif nosuch is defined %}{% "
        "endif %}",
        "{% generation %}{{ messages|groupby('role')|first }}{{ {'b': 1, 'a': [none, true]}|dictsort }}{% endgeneration %}{{ 'x'|int(7) "
        "}}"}) {
    std::ofstream out(std::string(argv[1]) + "/template-" + std::to_string(number++), std::ios::binary);
    out << source << '\0' << "a text, \"quoted\" caf\u00e9 <|im_end|>\n";
  }
  return 0;
}
