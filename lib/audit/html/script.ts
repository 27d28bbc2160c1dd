/**
 * Script of the page: it filters, copies, and expands everything for printing. All other parts of the page work without
 * it.
 */
export const SCRIPT = `
'use strict';
(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const one = (selector) => document.querySelector(selector);
  const groups = all('.group');

  const filter = one('#filter');
  if (filter) {
    const words = one('#words');
    const confidences = all('[name=confidence]', filter);
    const texts = new Map(all('.finding').map((each) => [each,
      (each.closest('.group').querySelector('h3').textContent + ' ' + each.dataset.kind + ' ' + each.textContent).toLowerCase()]));
    const apply = () => {
      const wanted = words.value.toLowerCase().split(/\\s+/).filter((word) => word !== '');
      const on = new Set(confidences.filter((each) => each.checked).map((each) => each.value));
      let shown = 0;
      for (const [finding, text] of texts) {
        const fits = on.has(finding.dataset.confidence) && wanted.every((word) => text.includes(word));
        finding.hidden = !fits;
        if (fits) shown++;
      }
      for (const part of all('.block, .group')) part.hidden = !part.querySelector('.finding:not([hidden])');
      one('#none-left').hidden = shown > 0;
      one('#shown').value = shown === texts.size ? texts.size + ' shown' : shown + ' of ' + texts.size + ' shown';
    };
    filter.hidden = false;
    filter.addEventListener('submit', (event) => event.preventDefault());
    filter.addEventListener('input', apply);
    one('#open-all').addEventListener('click', () => { for (const each of groups) each.open = true; });
    one('#close-all').addEventListener('click', () => { for (const each of groups) each.open = false; });
    apply();
  }

  for (const button of all('.copy')) {
    const code = button.closest('figure').querySelector('code');
    button.hidden = false;
    button.addEventListener('click', async () => {
      const range = document.createRange();
      range.selectNodeContents(code);
      const say = (word) => {
        button.textContent = word;
        one('#status').textContent = word;
        setTimeout(() => { button.textContent = 'Copy'; }, 2000);
      };
      try {
        await navigator.clipboard.writeText(code.textContent);
        say('Copied');
      } catch {
        getSelection().removeAllRanges();
        getSelection().addRange(range);
        say(document.execCommand('copy') ? 'Copied' : 'Selected');
      }
    });
  }

  const reveal = () => {
    const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    if (!target) return;
    for (let at = target.parentElement; at; at = at.parentElement) if (at.localName === 'details') at.open = true;
    target.scrollIntoView();
  };
  addEventListener('hashchange', reveal);
  reveal();

  let closed = [];
  addEventListener('beforeprint', () => {
    closed = all('details:not([open])');
    for (const each of closed) each.open = true;
  });
  addEventListener('afterprint', () => { for (const each of closed) each.open = false; });
})();
`;
