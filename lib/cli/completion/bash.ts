/** For bash 3.2 and later: that of macOS is old. */
import type { CompletedCommand, CompletedOption, CompletionTable, Value } from './table';

export function bashCompletion({ globals, commands }: CompletionTable): string {
  const names = commands.map(({ name }) => name);
  return `# Completion of trueup in bash: source <(trueup completion bash)
_trueup() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]} command= i IFS=$'\\n'
  COMPREPLY=()
  # bash takes --format=json for three words.
  if [ "$cur" = = ]; then cur=; elif [ "$prev" = = ]; then prev=\${COMP_WORDS[COMP_CWORD - 2]}; fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case \${COMP_WORDS[i]} in
      ${names.join('|')}) command=\${COMP_WORDS[i]}; break ;;
    esac
  done
  case "$command $prev" in
${commands.flatMap((command) => command.options.flatMap((option) => valueCase(command, option))).join('\n')}
  esac
  case "$command" in
${commands.map((command) => commandCase(command, globals)).join('\n')}
    *) ${words([...names, ...flagsOf(globals)])} ;;
  esac
}
complete -F _trueup trueup
`;
}

const flagsOf = (options: readonly CompletedOption[]): string[] => options.flatMap(({ flags }) => flags);

/** Words of ours hold no white space. */
const words = (all: readonly string[]): string => `COMPREPLY=($(compgen -W $'${all.join('\\n')}' -- "$cur"))`;

function complete(value: Value): string {
  if (value === 'text') return ':';
  if (typeof value !== 'string') return words(value);
  const kind = value === 'folder' ? '-d' : '-f';
  return `compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen ${kind} -- "$cur"))`;
}

const valueCase = ({ name }: CompletedCommand, { flags, value }: CompletedOption): string[] =>
  value === null
    ? []
    : [`    ${flags.map((flag) => `'${name} ${flag}'`).join('|')}) ${complete(value)}; return ;;`];

function commandCase(
  { name, options, arguments: [first] }: CompletedCommand,
  globals: readonly CompletedOption[],
): string {
  const flags = words([...flagsOf(options), ...flagsOf(globals)]);
  return `    ${name}) case "$cur" in -*) ${flags} ;; *) ${complete(first?.value ?? 'text')} ;; esac ;;`;
}
