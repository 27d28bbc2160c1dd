/**
 * Lays the site's pages out in docs/site/pages, which git does not keep: those of docs/, the reference of the constructs
 * from their doc comments, and that of the command line from what the program prints.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Application } from 'typedoc';

const ROOT = join(import.meta.dirname, '../..');
const DOCS = join(ROOT, 'docs');
const PAGES = join(import.meta.dirname, 'pages');
const OUT = join(PAGES, 'reference');
rmSync(PAGES, { recursive: true, force: true });
mkdirSync(OUT, { recursive: true });
for (const name of readdirSync(DOCS)) {
  if (name !== 'site') cpSync(join(DOCS, name), join(PAGES, name), { recursive: true });
}

const app = await Application.bootstrapWithPlugins({
  name: 'Every construct and property',
  entryPoints: [join(ROOT, 'lib/index.ts')],
  tsconfig: join(ROOT, 'tsconfig.build.json'),
  plugin: ['typedoc-plugin-markdown'],
  outputs: [{ name: 'markdown', path: join(OUT, 'constructs') }],
  readme: 'none',
  excludeExternals: true,
  excludePrivate: true,
  excludeInternal: true,
  disableSources: true,
  hidePageHeader: true,
  hideBreadcrumbs: true,
  // One page for each construct, with its props beside it.
  router: 'member',
  entryFileName: 'index',
  useCodeBlocks: true,
  parametersFormat: 'table',
  interfacePropertiesFormat: 'table',
  validation: { notExported: false },
  blockTags: [
    '@default',
    '@defaultValue',
    '@example',
    '@param',
    '@returns',
    '@throws',
    '@deprecated',
    '@see',
  ],
  logLevel: 'Warn',
});
const project = await app.convert();
if (!project) throw new Error('the constructs could not be read');
await app.generateOutputs(project);

const require = createRequire(join(ROOT, 'package.json'));
require(join(ROOT, 'bin/sources.cjs'));
const { COMMANDS } = require(join(ROOT, 'lib/cli/commands/index.ts'));
const help = (...args) =>
  execFileSync(
    process.execPath,
    ['--require', join(ROOT, 'bin/sources.cjs'), join(ROOT, 'bin/trueup.ts'), ...args, '--help'],
    { encoding: 'utf8', env: { ...process.env, NO_COLOR: '1' } },
  );
const block = (text) => `\`\`\`text\n${text.trimEnd()}\n\`\`\`\n`;
writeFileSync(
  join(OUT, 'command-line.md'),
  `# Every command and option\n\nWhat \`trueup --help\` prints. [How it is used](../cli.md) has examples.\n\n${block(help())}${COMMANDS.map(
    ({ name, summary }) => `\n## ${name}\n\n${summary}\n\n${block(help(name))}`,
  ).join('')}`,
);
