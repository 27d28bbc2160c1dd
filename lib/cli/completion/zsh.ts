import type { CompletedCommand, CompletedOption, CompletionTable, Value } from './table';

export function zshCompletion({ globals, commands }: CompletionTable): string {
  return `#compdef trueup
# Completion of trueup in zsh: source <(trueup completion zsh), after compinit; or a file _trueup in a folder of fpath.
_trueup() {
  local curcontext="$curcontext" state line
  typeset -A opt_args
  local -a globals commands
  globals=(
${globals
  .flatMap(specs)
  .map((spec) => `    ${spec}`)
  .join('\n')}
  )
  commands=(
${commands.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}`).join('\n')}
  )
  _arguments -C $globals '1:command:->command' '*::argument:->argument'
  case $state in
    command) _describe command commands ;;
    argument)
      case $line[1] in
${commands.map(commandCase).join('\n')}
      esac
      ;;
  esac
}
if [ "$funcstack[1]" = _trueup ]; then _trueup "$@"; else compdef _trueup trueup; fi
`;
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** \`[\`, \`]\` and \`:\` divide a specification. */
const words = (text: string): string => text.replace(/[[\]:\\]/g, '\\$&');

function action(value: Value): string {
  if (value === 'file') return '_files';
  if (value === 'folder') return '_directories';
  return typeof value === 'string' ? '' : `(${value.join(' ')})`;
}

const specs = ({ flags, description, value, valueName }: CompletedOption): string[] =>
  flags.map((flag) =>
    quoted(`*${flag}[${words(description)}]${value === null ? '' : `:${words(valueName)}:${action(value)}`}`),
  );

function commandCase({ name, options, arguments: all }: CompletedCommand): string {
  const places = all.map(({ name: place, value, variadic }, i) =>
    quoted(`${variadic ? '*' : i + 1}:${words(place)}:${action(value)}`),
  );
  return `        ${name}) _arguments $globals ${[...options.flatMap(specs), ...places].join(' ')} ;;`;
}
