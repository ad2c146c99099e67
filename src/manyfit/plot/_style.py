"""The style sheet of reports."""

from __future__ import annotations

STYLE = """
:root { --ink: #1c2330; --quiet: #5c6675; --line: #d9dee6; --page: #f6f7f9; --card: #ffffff; --accent: #20528c; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ee; --quiet: #a0a9b6; --line: #353c47; --page: #14171c; --card: #1d2127; --accent: #8ab8ee; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 75rem; padding: 1.5rem; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { margin: 0; font-size: 1.7rem; line-height: 1.25; }
h2 { margin: 0 0 .8rem; font-size: 1.15rem; }
header p { margin: .3rem 0 0; color: var(--quiet); }
nav { display: flex; flex-wrap: wrap; gap: .3rem 1.1rem; margin: 1rem 0; padding: .6rem 0;
  border-top: 1px solid var(--line); border-bottom: 1px solid var(--line); }
a { color: var(--accent); text-decoration: none; }
a:hover { text-decoration: underline; }
section { margin: 0 0 1rem; padding: 1.1rem 1.3rem; background: var(--card); border: 1px solid var(--line);
  border-radius: .6rem; }
p, ul { margin: 0 0 .8rem; }
ul { padding-left: 1.2rem; }
p, li { max-width: 60rem; }
.key { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .7rem; margin-bottom: 1rem; }
.key div { padding: .6rem .8rem; border: 1px solid var(--line); border-radius: .5rem; }
.key b { display: block; font-size: 1.3rem; font-variant-numeric: tabular-nums; }
.key span { color: var(--quiet); font-size: .85rem; }
.wide { overflow-x: auto; margin-bottom: .8rem; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
caption { caption-side: top; text-align: left; color: var(--quiet); padding-bottom: .3rem; }
th, td { padding: .25rem .9rem .25rem 0; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top; }
th { color: var(--quiet); font-weight: 600; white-space: nowrap; }
.n { text-align: right; white-space: nowrap; }
figure { margin: 0 0 1rem; }
img { display: block; max-width: 100%; height: auto; background: #fff; border-radius: .4rem; }
figcaption { margin-top: .35rem; color: var(--quiet); font-size: .88rem; max-width: 60rem; }
pre { overflow-x: auto; padding: .7rem .9rem; border: 1px solid var(--line); border-radius: .4rem; font-size: .85rem; }
footer { color: var(--quiet); font-size: .85rem; padding: .3rem 0 1rem; }
@media print {
  :root { --ink: #000; --quiet: #444; --line: #bbb; --page: #fff; --card: #fff; --accent: #000; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  nav { display: none; }
  section { border: 0; padding: 0; margin-bottom: 1.2rem; }
  figure, tr, .key { break-inside: avoid; }
  h2 { break-after: avoid; }
}
"""
