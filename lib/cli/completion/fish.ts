import type { CompletedOption, CompletionTable, Value } from './table';

export function fishCompletion({ globals, commands }: CompletionTable): string {
  const names = commands.map(({ name }) => name).join(' ');
  const lines = [
    ...globals.map((option) => line(null, option)),
    ...commands.flatMap(({ name, summary, options, arguments: [first] }) => [
      `complete -c trueup -n ${quoted(`not __fish_seen_subcommand_from ${names}`)} -a ${name} -d ${quoted(summary)}`,
      ...options.map((option) => line(name, option)),
      ...(first === undefined || first.value === 'text'
        ? []
        : [`complete -c trueup -n ${seen(name)} ${argument(first.value)}`]),
    ]),
  ];
  return `# Completion of trueup in fish: trueup completion fish | source\ncomplete -c trueup -f\n${lines.join('\n')}\n`;
}

const quoted = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`;
const seen = (command: string): string => quoted(`__fish_seen_subcommand_from ${command}`);

function argument(value: Value): string {
  if (value === 'file') return '-F';
  if (value === 'folder') return "-a '(__fish_complete_directories)'";
  return value === 'text' ? '' : `-a ${quoted((value as readonly string[]).join(' '))}`;
}

function line(command: string | null, { flags, description, value }: CompletedOption): string {
  const names = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
  const takes = value === null ? [] : [value === 'file' ? '-r' : '-x', argument(value)];
  const where = command === null ? [] : ['-n', seen(command)];
  return ['complete -c trueup', ...where, ...names, ...takes, `-d ${quoted(description)}`]
    .filter((part) => part !== '')
    .join(' ');
}
