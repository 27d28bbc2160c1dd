/** Generates the completion for bash 3.2 and later: macOS ships 3.2. */
import type { CompletedCommand, CompletedOption, CompletionTable, CompletionValue } from './table';

export function buildBashCompletion({ globals, commands }: CompletionTable): string {
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
${commands.flatMap((command) => command.options.flatMap((option) => buildValueCase(command, option))).join('\n')}
  esac
  case "$command" in
${commands.map((command) => buildCommandCase(command, globals)).join('\n')}
    *) ${buildCompgen([...names, ...listFlags(globals)])} ;;
  esac
}
complete -F _trueup trueup
`;
}

const listFlags = (options: readonly CompletedOption[]): string[] => options.flatMap(({ flags }) => flags);

/** The completed words contain no white space. */
const buildCompgen = (all: readonly string[]): string =>
  `COMPREPLY=($(compgen -W $'${all.join('\\n')}' -- "$cur"))`;

function completeValue(value: CompletionValue): string {
  if (value === 'text') return ':';
  if (typeof value !== 'string') return buildCompgen(value);
  const kind = value === 'folder' ? '-d' : '-f';
  return `compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen ${kind} -- "$cur"))`;
}

const buildValueCase = ({ name }: CompletedCommand, { flags, value }: CompletedOption): string[] =>
  value === null
    ? []
    : [`    ${flags.map((flag) => `'${name} ${flag}'`).join('|')}) ${completeValue(value)}; return ;;`];

function buildCommandCase(
  { name, options, arguments: [first] }: CompletedCommand,
  globals: readonly CompletedOption[],
): string {
  const flags = buildCompgen([...listFlags(options), ...listFlags(globals)]);
  return `    ${name}) case "$cur" in -*) ${flags} ;; *) ${completeValue(first?.value ?? 'text')} ;; esac ;;`;
}
