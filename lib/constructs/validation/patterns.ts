/** Checks of what goes into the filter patterns of alarms, and onto pages. */
import { Token } from 'aws-cdk-lib';
import { SIGNATURES } from '../../../lambda/defects/signatures';
import type { ApplicationLogGroup } from '../alarms/application-log-group';
import { PROPERTY_SELECTOR } from '../alarms/log-patterns';
import { type Check, type Checks, fault } from './check';
import { objectOf, text, url } from './values';

const quotable = text({
  must: 'must be a phrase of plain ASCII, up to 256 characters, without double quotes and backslashes, which a filter pattern cannot hold',
  matches: /^[ !#-[\]-~]{1,256}$/,
});

export const quotableRole = text({
  must: 'must be the name of a role, in plain ASCII without quotes and backslashes, which a filter pattern cannot hold',
  matches: /^(?!.*:\/\/)[ !#-[\]-~]{1,63}$/,
});

/** A phrase whose lines do not count. One that every line of an error holds would switch its alarm off. */
export const phrase: Check = (value, name) => {
  const problem = quotable(value, name);
  if (problem !== undefined || Token.isUnresolved(value)) return problem;
  const deaf = SIGNATURES.find(({ messages }) =>
    messages.some(({ begins, holds }) =>
      [`ERROR:  ${begins}`, ...holds].some((words) => words.includes(value as string)),
    ),
  );
  return (
    deaf &&
    fault(
      name,
      value,
      `must not be part of every error of a kind; with it the alarm ${deaf.id} would never go up`,
    )
  );
};

const selector = text({
  must: 'must say where the field is in the JSON document, e.g. $.err.code',
  matches: PROPERTY_SELECTOR,
  known: true,
});
const SELECTORS: Checks<NonNullable<ApplicationLogGroup['json']>> = { sqlstate: selector, message: selector };
export const selectors = objectOf(SELECTORS);

const anyUrl = url('must be a URL, e.g. https://wiki.example.com/trueup/defects/', ['https', 'http']);

/** It is printed in pages and in the descriptions of alarms. */
export const runbookUrl: Check = (value, name) => {
  const problem = anyUrl(value, name);
  if (problem !== undefined || Token.isUnresolved(value)) return problem;
  const { username, password, host } = new URL(value as string);
  return username === '' && password === ''
    ? undefined
    : `${name} is a URL of ${host} with a user in it; it must have none, since it is printed in every page`;
};
