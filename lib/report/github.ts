/**
 * Workflow commands of GitHub Actions, which it shows as annotations
 * (https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands). It takes ten errors, ten warnings and ten
 * notices a step, and drops the rest without a word.
 */
import { harmless, harmlessSql } from '../../lambda/page/document/harmless';
import { type ReportItem, textOf } from './item';

const COMMANDS = { error: 'error', warning: 'warning', note: 'notice' } as const;
const MOST = 10;
/** Annotations are cut somewhere beyond it. */
const LONGEST = 4_000;

/** Lines for standard output. What has no room among the annotations stands in the last of its level as a number. */
export function githubAnnotations(items: readonly ReportItem[]): readonly string[] {
  return (['error', 'warning', 'note'] as const).flatMap((level) => {
    const all = items.filter((item) => item.level === level);
    const more = all.length - MOST;
    return all
      .slice(0, MOST)
      .map((item, i) => annotation(item, i === MOST - 1 && more > 0 ? moreOf(more, level) : ''));
  });
}

const moreOf = (more: number, level: ReportItem['level']): string =>
  `\nGitHub shows ten ${COMMANDS[level]}s of a step. ${more} more: \`--format json\` lists them all.`;

function annotation(item: ReportItem, end: string): string {
  const { level, file, line, column, rule, object } = item;
  const properties = Object.entries({
    file,
    line: file === null ? null : line,
    col: file === null || line === null ? null : column,
    title: ['trueup', rule, object].filter((part) => part !== null).join(' '),
  }).flatMap(([name, value]) => (value === null ? [] : [`${name}=${property(`${value}`)}`]));
  const text = textOf(item).split('\n').map(harmlessSql).join('\n');
  const short = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
  return `::${COMMANDS[level]} ${properties.join(',')}::${data(short + end)}`;
}

/** A failure that is about no file. */
export const failureAnnotation = (message: string, remedy: string): string =>
  `::error title=trueup::${data(`${harmlessSql(message)}\n${harmlessSql(remedy)}`)}`;

const data = (text: string): string =>
  text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
const property = (text: string): string => data(harmless(text)).replaceAll(':', '%3A').replaceAll(',', '%2C');
