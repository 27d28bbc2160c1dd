/** Completion scripts in the shells themselves; a shell that is not installed is left out, and its test says so. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { COMMANDS } from '../../lib/cli/commands';
import { scratch } from '../support/repository';
import { trueup } from './trueup';

const folder = mkdtempSync(join(scratch(), 'completion-'));
mkdirSync(join(folder, 'my folder'));
writeFileSync(join(folder, 'my file.sql'), '');
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

const scripts: Record<string, string> = {};
beforeAll(async () => {
  for (const shell of ['bash', 'zsh', 'fish']) scripts[shell] = (await trueup(['completion', shell])).stdout;
});

const run = (program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): readonly string[] => {
  const { stdout, stderr, status } = spawnSync(program, args, {
    cwd: folder,
    encoding: 'utf8',
    timeout: 50_000,
    env: { ...process.env, TERM: 'dumb', HOME: folder, XDG_CONFIG_HOME: folder, ...env },
  });
  expect([status, stderr]).toEqual([0, '']);
  return [...new Set(stdout.split('\n').filter((line) => line !== ''))];
};

const IN_BASH = `source "$SCRIPT"
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _trueup 2>/dev/null
printf '%s\\n' "\${COMPREPLY[@]}"`;

/** A shell in a terminal of its own, where every match is printed as it is added. */
const IN_ZSH = `zmodload zsh/zpty
zpty z "zsh -f -i"
zpty -w z "source ${join(folder, 'setup.zsh')}"
zpty -r -m z line '*setup-done*ready>*'
zpty -w -n z "$LINE"$'\\t'
zpty -w -n z $'\\x15print -r end-of-""it\\n'
zpty -r -m z out '*end-of-it*'
print -r -- $out | tr -d '\\r' | sed -n 's/.*HIT:\\(.*\\):.*/\\1/p'`;
const ZSH_SETUP = `PS1='ready>'
autoload -Uz compinit; compinit -D -u
source $SCRIPT
bindkey '^I' complete-word
compadd() {
  if [[ \${@[1,(i)(-|--)]} == *-(O|A|D)\\ * ]]; then builtin compadd "$@"; return $?; fi
  local -a hits; builtin compadd -A hits "$@"
  local hit; for hit in $hits; do print -r -- "HIT:$hit:"; done
  builtin compadd "$@"
}
print -r "setup-""done"
`;

type Complete = (...words: readonly string[]) => readonly string[];
const shells: Readonly<Record<string, Complete>> = {
  bash: (...words) =>
    run('bash', ['-c', IN_BASH, 'bash', ...words], { SCRIPT: file('t.bash', scripts.bash!) }),
  zsh: (...words) => {
    file('setup.zsh', ZSH_SETUP);
    return run('zsh', ['-f', '-c', IN_ZSH], {
      LINE: words.join(' '),
      SCRIPT: file('t.zsh', scripts.zsh!),
    });
  },
  fish: (...words) =>
    run('fish', [
      '--no-config',
      '-c',
      `source ${file('t.fish', scripts.fish!)}; complete -C '${words.join(' ')}'`,
    ]).map((line) => line.split('\t')[0]!),
};
const missing = (shell: string): boolean => spawnSync(shell, ['-c', 'exit']).error !== undefined;

describe.each(Object.entries(shells))('%s', (shell, complete) => {
  const here = test.skipIf(missing(shell));

  here('commands, options, values and places', () => {
    const expected: readonly [words: readonly string[], matches: readonly string[]][] = [
      [
        ['trueup', 'com'],
        ['comment', 'completion'],
      ],
      [['trueup', 'check', '--fo'], ['--format']],
      [['trueup', 'check', '--format', 'sa'], ['sarif']],
      [
        ['trueup', 'completion', ''],
        ['bash', 'fish', 'zsh'],
      ],
      [['trueup', 'check', '--js'], ['--json']],
    ];
    for (const [words, matches] of expected) expect([...complete(...words)].sort()).toEqual(matches);
  });

  here('a folder where a folder is meant, a file where a file is', () => {
    const plain = (names: readonly string[]) => names.map((name) => name.replace(/\\|\/$/g, ''));
    expect(plain(complete('trueup', 'plan', 'my'))).toEqual(['my folder']);
    expect(plain(complete('trueup', 'plan', '--workload', 'my'))).toContain('my file.sql');
  });
});

test.skipIf(missing('bash'))('what is completed is what the help has', async () => {
  expect([...shells.bash!('trueup', '')]).toEqual(
    expect.arrayContaining([...COMMANDS.map(({ name }) => name), 'help', '--json']),
  );
  const { stdout } = await trueup(['audit', '--help']);
  const flags = [...stdout.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm)].map(([, flag]) => flag!);
  expect([...shells.bash!('trueup', 'audit', '--')].sort()).toEqual(
    [...new Set(flags)].filter((flag) => flag !== '--version').sort(),
  );
});

test('a shell that is not known is named', async () => {
  expect(await trueup(['completion', 'csh'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('Allowed choices are bash, zsh, fish'),
  });
});
