import type { CompletedCommand, CompletedOption, CompletionTable, CompletionValue } from './table';

export function buildZshCompletion({ globals, commands }: CompletionTable): string {
  return `#compdef trueup
# Completion of trueup in zsh: source <(trueup completion zsh), after compinit; or a file _trueup in a folder of fpath.
_trueup() {
  local curcontext="$curcontext" state line
  typeset -A opt_args
  local -a globals commands
  globals=(
${globals
  .flatMap(buildSpecs)
  .map((spec) => `    ${spec}`)
  .join('\n')}
  )
  commands=(
${commands.map(({ name, summary }) => `    ${quoteForZsh(`${name}:${summary}`)}`).join('\n')}
  )
  _arguments -C $globals '1:command:->command' '*::argument:->argument'
  case $state in
    command) _describe command commands ;;
    argument)
      case $line[1] in
${commands.map(buildCommandCase).join('\n')}
      esac
      ;;
  esac
}
if [ "$funcstack[1]" = _trueup ]; then _trueup "$@"; else compdef _trueup trueup; fi
`;
}

const quoteForZsh = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** Escapes \`[\`, \`]\` and \`:\`, which separate the parts of a specification. */
const escapeSpecText = (text: string): string => text.replace(/[[\]:\\]/g, '\\$&');

function buildAction(value: CompletionValue): string {
  if (value === 'file') return '_files';
  if (value === 'folder') return '_directories';
  return typeof value === 'string' ? '' : `(${value.join(' ')})`;
}

const buildSpecs = ({ flags, description, value, valueName }: CompletedOption): string[] =>
  flags.map((flag) =>
    quoteForZsh(
      `*${flag}[${escapeSpecText(description)}]${value === null ? '' : `:${escapeSpecText(valueName)}:${buildAction(value)}`}`,
    ),
  );

function buildCommandCase({ name, options, arguments: all }: CompletedCommand): string {
  const places = all.map(({ name: place, value, variadic }, i) =>
    quoteForZsh(`${variadic ? '*' : i + 1}:${escapeSpecText(place)}:${buildAction(value)}`),
  );
  return `        ${name}) _arguments $globals ${[...options.flatMap(buildSpecs), ...places].join(' ')} ;;`;
}
