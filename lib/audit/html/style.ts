/**
 * Style of the page for light and dark mode, wide and narrow windows, and print. All text has a contrast ratio of at
 * least 4.5.
 */
export const STYLE = `
:root {
  color-scheme: light dark;
  --back: #fbfaf8; --card: #ffffff; --line: #dcd8d1; --text: #22201d; --quiet: #5f5a53; --link: #0b57a4;
  --A: #a8201a; --A-back: #fdeceb; --B: #8a4b00; --B-back: #fdf1e0; --C: #1c5a94; --C-back: #e8f1fa;
  --D: #56524c; --D-back: #efedea; --code: #f4f2ee; --focus: #0b57a4;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #17181a; --card: #1f2123; --line: #3a3d40; --text: #e8e6e3; --quiet: #a9a6a1; --link: #8cc0ff;
    --A: #ff9d94; --A-back: #3d1f1d; --B: #f3b96b; --B-back: #38290f; --C: #91c4f5; --C-back: #182c40;
    --D: #bcb8b2; --D-back: #2c2d2f; --code: #17181a; --focus: #8cc0ff;
  }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 6rem; }
body { margin: 0 auto; padding: 2.5rem 1.25rem 4rem; max-width: 62rem; background: var(--back); color: var(--text);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; overflow-wrap: anywhere; }
h1, h2, h3, h4 { line-height: 1.25; font-weight: 600; unicode-bidi: isolate; }
h1 { font-size: 1.15rem; margin: 0; color: var(--quiet); }
h2 { font-size: 1.3rem; margin: 2.75rem 0 .75rem; }
h3 { font-size: 1.05rem; margin: 0; }
h4 { font-size: 1rem; margin: 0 0 .5rem; }
p { margin: .5rem 0; }
a { color: var(--link); }
ul, ol { margin: .5rem 0; padding-left: 1.25rem; } nav ol { padding-left: 2.5rem; }
code, pre { font: .86em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
code { unicode-bidi: isolate; }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; border-radius: 3px; }
[hidden] { display: none !important; }
summary { cursor: pointer; }
.verdict { font-size: 1.75rem; line-height: 1.25; font-weight: 600; margin: .5rem 0 .75rem; text-wrap: balance; }
.quiet { color: var(--quiet); font-size: .9rem; }
.aside { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }

.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(12rem, 1fr)); gap: .75rem; margin: 1.75rem 0 1rem; }
.tile { background: var(--card); border: 1px solid var(--line); border-top: 4px solid var(--tone); border-radius: 8px;
  padding: .75rem 1rem; }
.tile dt { font-weight: 600; color: var(--tone); }
.tile dd { margin: 0; font-size: .88rem; color: var(--quiet); }
.tile strong { display: block; font-size: 1.9rem; line-height: 1.2; color: var(--text); font-variant-numeric: tabular-nums; }
.confidence-A { --tone: var(--A); --tint: var(--A-back); } .confidence-B { --tone: var(--B); --tint: var(--B-back); }
.confidence-C { --tone: var(--C); --tint: var(--C-back); } .confidence-D { --tone: var(--D); --tint: var(--D-back); }
.confidence { display: inline-block; padding: 0 .5rem; border-radius: 999px; background: var(--tint); color: var(--tone);
  font-size: .85rem; font-weight: 600; white-space: nowrap; }
.counts { display: inline-flex; flex-wrap: wrap; gap: .35rem; margin-left: auto; }

.sides { display: grid; grid-template-columns: repeat(auto-fit, minmax(18rem, 1fr)); gap: .75rem; }
.sides > div { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .9rem 1rem; }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: .5rem 0 0; font-size: .92rem; }
.facts dt { color: var(--quiet); } .facts dd { margin: 0; }

#filter { position: sticky; top: 0; z-index: 1; display: flex; flex-wrap: wrap; gap: .5rem 1.25rem; align-items: center;
  padding: .6rem 0; background: var(--back); border-bottom: 1px solid var(--line); }
fieldset { border: 0; margin: 0; padding: 0; display: flex; flex-wrap: wrap; gap: .35rem; }
legend { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
label.confidence { cursor: pointer; } label.confidence input { accent-color: var(--tone); vertical-align: -1px; margin: 0 .15rem 0 0; }
input[type=search], button { font: inherit; font-size: .9rem; color: var(--text); background: var(--card);
  border: 1px solid var(--quiet); border-radius: 6px; padding: .25rem .6rem; }
input[type=search] { width: 15rem; max-width: 100%; }
::placeholder { color: var(--quiet); opacity: 1; }
button { cursor: pointer; } button:hover { border-color: var(--link); color: var(--link); }
output { font-size: .9rem; color: var(--quiet); }

.group { background: var(--card); border: 1px solid var(--line); border-radius: 8px; margin: .75rem 0; }
.group > summary { display: flex; flex-wrap: wrap; gap: .35rem .75rem; align-items: center; padding: .7rem 1rem; list-style: none; }
.group > summary::-webkit-details-marker { display: none; }
.group > summary::before { content: ""; border: solid var(--quiet); border-width: 0 2px 2px 0; padding: 3px;
  transform: rotate(-45deg); flex: none; }
.group[open] > summary::before { transform: rotate(45deg); }
.group[open] > summary { border-bottom: 1px solid var(--line); }
.inside { padding: .25rem 1rem 1rem; }
.block { border-top: 1px solid var(--line); padding-top: 1rem; margin-top: 1rem; }
.block:first-child { border-top: 0; margin-top: 0; }
.block h4 code { font-weight: 400; color: var(--quiet); }
.findings { list-style: none; padding: 0; }
.finding { border-left: 3px solid var(--line); padding: .1rem 0 .1rem .9rem; margin: .75rem 0; }
.finding:target { border-left-color: var(--link); background: var(--code); }
.message { margin: 0; font-weight: 500; unicode-bidi: isolate; }
.object { margin: 0; color: var(--quiet); }
.anchor { text-decoration: none; padding: 0 .25rem; font-weight: 400; }
.evidence { font-size: .9rem; } .evidence li { white-space: pre-wrap; unicode-bidi: isolate; }
.meaning { display: grid; grid-template-columns: 10rem 1fr; gap: .35rem 1rem; margin: 1rem 0 0; font-size: .92rem; }
.meaning dt { color: var(--quiet); } .meaning dd { margin: 0; }
.names, .not-checked { font-size: .95rem; } .not-checked li { margin: .3rem 0; unicode-bidi: isolate; }
.hidden::before { content: attr(data-code); font-size: .75em; padding: 0 .25em; border: 1px solid var(--A); color: var(--A);
  border-radius: 3px; }

.sql { margin: .75rem 0 0; border: 1px solid var(--line); border-radius: 6px; background: var(--code); }
.sql figcaption { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: center; gap: .5rem;
  padding: .35rem .75rem; border-bottom: 1px solid var(--line); font-size: .9rem; color: var(--quiet); }
.sql pre { margin: 0; padding: .6rem .75rem; white-space: pre-wrap; tab-size: 2; }
.sql summary { padding: .35rem .75rem; font-size: .9rem; }
.repair { font-size: .92rem; }

.picture { margin: .9rem 0 0; } .picture figcaption { color: var(--quiet); font-size: .88rem; }
.drawing { overflow-x: auto; } .sideways { display: none; }
@media screen and (max-width: 42rem) { .sideways { display: inline; } }
svg { display: block; max-width: 100%; height: auto; } svg.wide { min-width: 38rem; }
svg text { font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: var(--text); white-space: pre; }
svg .name { font-weight: 600; } svg .remark { font-size: 11px; fill: var(--quiet); }
.box rect { fill: var(--card); stroke: var(--quiet); } .box line { stroke: var(--line); }
.box.focus > rect { stroke: var(--text); stroke-width: 2; }
.box.missing > rect { stroke: var(--B); stroke-dasharray: 5 4; }
.link path { fill: none; stroke: var(--quiet); stroke-width: 1.25; } .link polygon { fill: var(--quiet); }
.link .label { fill: var(--card); }
.link.missing path, .link.unchecked path { stroke: var(--B); stroke-dasharray: 5 4; }
.link.missing polygon, .link.unchecked polygon, .link.missing text, .link.unchecked text { fill: var(--B); }
svg .concern-A, svg .concern-A .remark { fill: var(--A); } svg .concern-B, svg .concern-B .remark { fill: var(--B); }
svg .concern-C, svg .concern-C .remark { fill: var(--C); }

@media (max-width: 40rem) {
  body { padding-top: 1.25rem; } .verdict { font-size: 1.4rem; }
  .meaning { grid-template-columns: 1fr; gap: 0; } .meaning dd { margin-bottom: .5rem; }
  #filter { position: static; }
}
@media print {
  :root { --back: #fff; --card: #fff; --line: #bbb; --text: #000; --quiet: #444; --link: #000; --code: #fff;
    --A: #a8201a; --B: #8a4b00; --C: #1c5a94; --D: #56524c; --A-back: #fff; --B-back: #fff; --C-back: #fff; --D-back: #fff; }
  body { max-width: none; padding: 0; font-size: 10.5pt; }
  #filter, nav, .copy, .anchor { display: none !important; }
  details::details-content { content-visibility: visible; height: auto; }
  .picture, .tile, .finding p, h3, h4 { break-inside: avoid; } h2, h3, h4, summary { break-after: avoid; }
  .drawing { overflow: visible; } svg.wide { min-width: 0; }
  .confidence { border: 1px solid currentColor; }
}
`;
