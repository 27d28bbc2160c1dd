/**
 * Formats workflow commands of GitHub Actions, which it shows as annotations
 * (https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands). GitHub shows ten errors, ten
 * warnings and ten notices per step, and drops the rest silently.
 */
import { escapeForDisplay, escapeSqlForDisplay } from '../../lambda/page/document/escape-text';
import { formatItemText, type ReportItem } from './item';

const COMMANDS = { error: 'error', warning: 'warning', note: 'notice' } as const;
const MAX_ANNOTATIONS = 10;
/** GitHub truncates longer annotations. */
const MAX_ANNOTATION_LENGTH = 4_000;

/**
 * Returns the lines for standard output. The last annotation of a level contains the number of those that do not fit.
 */
export function formatGitHubAnnotations(items: readonly ReportItem[]): readonly string[] {
  return (['error', 'warning', 'note'] as const).flatMap((level) => {
    const all = items.filter((item) => item.level === level);
    const more = all.length - MAX_ANNOTATIONS;
    return all
      .slice(0, MAX_ANNOTATIONS)
      .map((item, i) =>
        formatAnnotation(item, i === MAX_ANNOTATIONS - 1 && more > 0 ? formatRemaining(more, level) : ''),
      );
  });
}

const formatRemaining = (more: number, level: ReportItem['level']): string =>
  `\nGitHub shows at most ten ${COMMANDS[level]}s for a step, and ${more} more were found: \`--format json\` lists them all.`;

function formatAnnotation(item: ReportItem, end: string): string {
  const { level, file, line, column, rule, object } = item;
  const properties = Object.entries({
    file,
    line: file === null ? null : line,
    col: file === null || line === null ? null : column,
    title: ['trueup', rule, object].filter((part) => part !== null).join(' '),
  }).flatMap(([name, value]) => (value === null ? [] : [`${name}=${escapeProperty(`${value}`)}`]));
  const text = formatItemText(item).split('\n').map(escapeSqlForDisplay).join('\n');
  const short = text.length > MAX_ANNOTATION_LENGTH ? `${text.slice(0, MAX_ANNOTATION_LENGTH)}…` : text;
  return `::${COMMANDS[level]} ${properties.join(',')}::${escapeData(short + end)}`;
}

/** Formats a failure that does not concern a file. */
export const formatFailureAnnotation = (message: string, remedy: string): string =>
  `::error title=trueup::${escapeData(`${escapeSqlForDisplay(message)}\n${escapeSqlForDisplay(remedy)}`)}`;

const escapeData = (text: string): string =>
  text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
const escapeProperty = (text: string): string =>
  escapeData(escapeForDisplay(text)).replaceAll(':', '%3A').replaceAll(',', '%2C');
