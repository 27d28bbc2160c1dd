import type { CompletedOption, CompletionTable, CompletionValue } from './table';

export function buildFishCompletion({ globals, commands }: CompletionTable): string {
  const names = commands.map(({ name }) => name).join(' ');
  const lines = [
    ...globals.map((option) => buildLine(null, option)),
    ...commands.flatMap(({ name, summary, options, arguments: [first] }) => [
      `complete -c trueup -n ${quoteForFish(`not __fish_seen_subcommand_from ${names}`)} -a ${name} -d ${quoteForFish(summary)}`,
      ...options.map((option) => buildLine(name, option)),
      ...(first === undefined || first.value === 'text'
        ? []
        : [`complete -c trueup -n ${buildSeenCondition(name)} ${buildArgument(first.value)}`]),
    ]),
  ];
  return `# Completion of trueup in fish: trueup completion fish | source\ncomplete -c trueup -f\n${lines.join('\n')}\n`;
}

const quoteForFish = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`;
const buildSeenCondition = (command: string): string =>
  quoteForFish(`__fish_seen_subcommand_from ${command}`);

function buildArgument(value: CompletionValue): string {
  if (value === 'file') return '-F';
  if (value === 'folder') return "-a '(__fish_complete_directories)'";
  return value === 'text' ? '' : `-a ${quoteForFish((value as readonly string[]).join(' '))}`;
}

function buildLine(command: string | null, { flags, description, value }: CompletedOption): string {
  const names = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
  const takes = value === null ? [] : [value === 'file' ? '-r' : '-x', buildArgument(value)];
  const where = command === null ? [] : ['-n', buildSeenCondition(command)];
  return ['complete -c trueup', ...where, ...names, ...takes, `-d ${quoteForFish(description)}`]
    .filter((part) => part !== '')
    .join(' ');
}
