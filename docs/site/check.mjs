/** Follows every link of the built site to a page, a file and an anchor of it. Other sites are not asked. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

const DIST = join(import.meta.dirname, 'dist');

const pages = readdirSync(DIST, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.html'))
  .map((name) => join(DIST, name));
const decode = (text) =>
  text.replace(
    /&(amp|lt|gt|quot|#39);/g,
    (_, name) => ({ amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" })[name],
  );
const html = new Map(pages.map((file) => [file, readFileSync(file, 'utf8')]));
const anchors = new Map(
  [...html].map(([file, text]) => [
    file,
    new Set([...text.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => decode(id))),
  ]),
);

/** The file of an address without its ending, as the site's server finds it; undefined where there is none. */
const fileOf = (path) =>
  [path, `${path}.html`, join(path, 'index.html')].find(
    (file) => existsSync(file) && statSync(file).isFile(),
  );

let links = 0;
const dead = [];
for (const [page, text] of html) {
  for (const [, name, value] of text.matchAll(/<(?:a|link|script|img)\b[^>]*?\s(href|src)="([^"]*)"/g)) {
    const target = decode(value);
    if (/^(?:[a-z]+:|\/\/)/i.test(target)) continue;
    links++;
    const [path, hash = ''] = target.split('#').map(decodeURIComponent);
    const start = path.startsWith('/') ? join(DIST, path) : resolve(dirname(page), path);
    const file = path === '' ? page : fileOf(start);
    const found = file !== undefined && (hash === '' || name === 'src' || anchors.get(file)?.has(hash));
    if (!found) dead.push(`${relative(DIST, page)} -> ${target}`);
  }
}
console.log(`${links} links of ${pages.length} pages, ${dead.length} dead`);
for (const each of new Set(dead)) console.error(`dead link: ${each}`);
if (links === 0 || dead.length > 0) process.exitCode = 1;
