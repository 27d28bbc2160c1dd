/** Formats the reason why no plan could be made. */
import type { ErrorInfo } from '../../lambda/contract/errors';
import type { Problem } from '../compiler/problem';
import { fitItems, formatCode, formatCodeBlock, formatProse } from './markdown';
import { formatErrorMarkdown, formatNoPlanHeading } from './plan-markdown';

const MAX_SNIPPET_LENGTH = 500;

/**
 * Formats a failure.
 * @param problems problems of the files, if they do not compile
 */
export function formatFailureMarkdown(
  namespace: string,
  error: Omit<ErrorInfo, 'code'>,
  problems: readonly Problem[] = [],
): string {
  const head = `${formatNoPlanHeading(namespace)}\n\n${formatErrorMarkdown(error)}`;
  return fitItems(head, problems.map(formatProblemItem), {
    many: (rest) => `${rest} more ${rest === 1 ? 'does' : 'do'} not fit here`,
    command: problems.length > 0 ? 'trueup check' : 'trueup plan',
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
