"""What an attacker writes into a drug name, and what it must never become."""

from itertools import product

CANARY = "https://canary.example.org"
_SCRIPTS = (
    "<script>alert(1)</script>", "<ScRiPt src={c}></sCrIpT>", "<img src=x onerror=alert(1)>", "<img src={c}>",
    "<svg onload=alert(1)>", "<svg><script>alert(1)</script></svg>", "<iframe src={c}></iframe>", "<body onload=alert(1)>",
    "<a href={c}>press</a>", "<a href='javascript:alert(1)'>press</a>", "<form action={c}><input type=submit></form>",
    "<style>@import '{c}';</style>", "<link rel=stylesheet href={c}>", "<meta http-equiv=refresh content='0;url={c}'>",
    "<object data={c}>", "<embed src={c}>", "<video src={c} onerror=alert(1)>", "<math href={c}>x</math>",
    "<details open ontoggle=alert(1)>", "<base href={c}/>", "<!--<img src=x onerror=alert(1)>-->", "<![CDATA[<script>]]>",
    "</p><script>alert(1)</script><p>", "&lt;script&gt;alert(1)&lt;/script&gt;", "&#60;script&#62;alert(1)&#60;/script&#62;",
)  # fmt: skip
_MARKDOWN = (
    "[press]({c})", "![x]({c}/x.png)", "[press](javascript:alert(1))", "[x]: {c}", "[x][x] [x]: {c}", "<{c}>", "{c}",
    "www.canary.example.org", "someone@canary.example.org", "<mailto:a@canary.example.org>", "[![x]({c})]({c})",
    "`</code><script>alert(1)</script>`", "```html <script>alert(1)</script> ```", "| a | b | --- | --- |", "# heading",
    "- item <img src={c}>", "> quote <script>", "1. one <script>", "***bold*** <b onclick=alert(1)>x</b>", "~~x~~ {c}",
    "\\[press]({c})", "[a\\]({c})", "[press](  {c} 'title')", "![][x]", "{{patient.name}} {{7*7}}", "${{7*7}} <%= 7 %>",
)  # fmt: skip
_CONTROL = (
    "\u202e{c}", "\u2066<script>\u2069", "a\u200bb<script>", "x\u2028<script>alert(1)</script>", "\x1b[31m{c}", "\x07\x08<b>",
    "line\n\n<script>alert(1)</script>", "line\r\n[press]({c})", "\t<script>", "\ufeff<img src={c}>", "\u00ad<script>",
    "\uff1cscript\uff1e", "ＪａｖａＳｃｒｉｐｔ：alert(1)",
)  # fmt: skip
_AROUND = ("{}", "{} ", "a {} b", "\n{}", "10 mg {}", "({})", '"{}"', "*{}*")


def payloads() -> list[str]:
    """500 of them, each once."""
    bare = [text.replace("{c}", CANARY) for text in (*_SCRIPTS, *_MARKDOWN, *_CONTROL)]
    every = list(dict.fromkeys(around.replace("{}", text) for around, text in product(_AROUND, bare)))
    return every[:500]
