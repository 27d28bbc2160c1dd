/** Formats the problems of files that do not compile as a pull request comment. */
import type { Problem } from '../compiler/problem';
import { fitItems, formatCode, formatCodeBlock, formatProse } from './markdown';

const MAX_SNIPPET_LENGTH = 500;

export function formatProblemsMarkdown(folder: string | null, problems: readonly Problem[]): string {
  const head = [
    `## Trueup: ${problems.length} ${problems.length === 1 ? 'problem' : 'problems'} in ${folder === null ? 'the migrations' : formatCode(folder)}`,
    'Correct the problems before anything can be planned.',
  ];
  return fitItems(head.join('\n\n'), problems.map(formatProblemItem), {
    many: (rest) => `${rest} more ${rest === 1 ? 'does' : 'do'} not fit here`,
    command: 'trueup check',
  });
}

function formatProblemItem({ file, line, column, message, remedy, snippet }: Problem): string {
  const place = [file, line, column].filter((part) => part !== null && part !== '').join(':');
  const head = `- ${place === '' ? '' : `${formatCode(place)}: `}${formatProse(message)}. ${formatProse(remedy)}`;
  return snippet === ''
    ? head
    : `${head}\n\n${indentLines(formatCodeBlock(snippet, '', MAX_SNIPPET_LENGTH))}`;
}

const indentLines = (text: string): string => text.replace(/^/gm, '  ');
