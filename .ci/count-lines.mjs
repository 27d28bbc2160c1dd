// Prints the lines with code (neither empty nor only a comment) of each room, as a Markdown table.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseSync } from 'oxc-parser';

const folder = process.argv[2] ?? '.';
if (folder.startsWith('-')) {
  console.error('Usage: node .ci/count-lines.mjs [FOLDER]   (a checkout; default: this folder)');
  process.exit(2);
}

/** Rooms are the top-level folders; those of `lib` and `lambda` count on their own. */
function roomOf(file) {
  const [top, second, ...rest] = file.split('/');
  if (second === undefined) return '(top level)';
  return ['lib', 'lambda'].includes(top) && rest.length > 0 ? `${top}/${second}` : top;
}

function countLines(file) {
  const text = readFileSync(join(folder, file), 'utf8');
  const { comments } = parseSync(file, text);
  let code = '';
  let from = 0;
  for (const { start, end } of comments) {
    code += text.slice(from, start);
    from = end;
  }
  return (code + text.slice(from)).split('\n').filter((line) => line.trim() !== '').length;
}

const patterns = ['*.ts', '*.mts', '*.mjs', '*.cjs'];
const listed = execFileSync('git', ['-C', folder, 'ls-files', '--', ...patterns], { encoding: 'utf8' });
const rooms = new Map();
for (const file of listed.split('\n').filter(Boolean)) {
  const room = roomOf(file);
  const { files, lines } = rooms.get(room) ?? { files: 0, lines: 0 };
  rooms.set(room, { files: files + 1, lines: lines + countLines(file) });
}
const row = (room, { files, lines }) => console.log(`| ${room} | ${files} | ${lines} |`);
console.log('| room | files | lines |\n|---|---|---|');
for (const [room, counts] of [...rooms].sort(([a], [b]) => a.localeCompare(b))) row(room, counts);
const sum = (key) => [...rooms.values()].reduce((total, each) => total + each[key], 0);
row('all', { files: sum('files'), lines: sum('lines') });
