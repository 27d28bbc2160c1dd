import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { withMermaid } from 'vitepress-plugin-mermaid';
import { anchorOf } from './anchor';
/** `folder/*` is all of a folder. That each page is in one group, test/docs/pages.test.ts checks. */
import sidebar from './sidebar.json' with { type: 'json' };

/** Copied there by build.mjs. */
const PAGES = join(import.meta.dirname, '../pages');
/** From a page into the sources, which the site does not carry. */
const SOURCE_LINK = /^(?:\.\.\/)+(?:bin|lib|lambda|migrations|test|bench|LICENSE|README\.md)/;

/** The pages of a folder in order of their names, each called by its first heading. */
const pagesOf = (folder: string) =>
  readdirSync(join(PAGES, folder))
    .filter((name) => name.endsWith('.md') && name !== 'index.md')
    .sort()
    .map((name) => page(`${folder}/${name.slice(0, -3)}`));

function page(path: string) {
  const [, title = path] = /^# (.+)$/m.exec(readFileSync(join(PAGES, `${path}.md`), 'utf8')) ?? [];
  return { text: title.replaceAll('`', ''), link: path === 'index' ? '/' : `/${path}` };
}

const group = (text: string, paths: readonly string[]) => ({
  text,
  items: paths.flatMap((path) => (path.endsWith('/*') ? pagesOf(path.slice(0, -2)) : [page(path)])),
});

function unwrap(tokens: { type: string; attrGet(name: string): string | null }[]): void {
  for (let i = 0, inside = false; i < tokens.length; i++) {
    const { type } = tokens[i]!;
    if (type === 'link_open' && SOURCE_LINK.test(tokens[i]!.attrGet('href') ?? '')) inside = true;
    else if (type !== 'link_close' || !inside) continue;
    else inside = false;
    tokens.splice(i--, 1);
  }
}

export default withMermaid({
  title: 'Trueup',
  description: 'PostgreSQL schemas that are what the application expects, proved by every cdk deploy',
  srcDir: './pages',
  outDir: './dist',
  cacheDir: './.vitepress/cache',
  cleanUrls: true,
  // The site's line height is larger than the one that Mermaid measures its boxes with, and would cut their last line.
  head: [['style', {}, '.mermaid foreignObject p { line-height: 1.5; margin: 0; }']],
  markdown: {
    anchor: { slugify: anchorOf },
    // A link into the sources becomes its text; that the file is there, test/docs/links.test.ts checks.
    config: ({ core }) => {
      core.ruler.push('source-links', ({ tokens }) => {
        for (const { children } of tokens) if (children) unwrap(children);
      });
    },
  },
  vite: { build: { chunkSizeWarningLimit: 4_000 } },
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    sidebar: Object.entries(sidebar).map(([name, paths]) => group(name, paths)),
  },
});
