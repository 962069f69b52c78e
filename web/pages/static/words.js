// Words in the reader's language. English is what the code says; other languages come as a file of the
// server, once, before anything is shown.

const { dataset, lang } = document.documentElement;
const NONE = { messages: {}, reasons: {}, problems: {} };
const { messages, reasons, problems } = dataset.words ? await load(dataset.words) : NONE;

/** The language and region of the page, for numbers and dates. */
export const locale = lang;

const counts = new Intl.NumberFormat(locale, { useGrouping: "always" });
/** A whole number as people read it. */
export const count = (number) => counts.format(number);

async function load(url) {
  try {
    return await (await fetch(url)).json();
  } catch {
    return NONE; // better English than nothing
  }
}

/** `message` in the reader's language; `%(name)s` in it becomes a value. */
export function t(message, values = {}) {
  return filled(messages[message] ?? message, values);
}

/** As `t`, of words whose form depends on what they are said of: "image", "job". */
export function tp(context, message) {
  return messages[`${context}\u0004${message}`] ?? message;
}

/** As `t`, with a form for one and one for many; `%(num)s` is the number, as it is to be shown. */
export function tn(singular, plural, number, values = {}) {
  const [one, many] = messages[singular] ?? [singular, plural];
  return filled(number === 1 ? one : many, { num: count(number), ...values });
}

/** As `tn`, of words that are said of something else. */
export function tnp(context, singular, plural, number) {
  const [one, many] = messages[`${context}\u0004${singular}`] ?? [singular, plural];
  return number === 1 ? one : many;
}

const filled = (text, values) => text.replace(/%\((\w+)\)s/g, (_, name) => values[name]);

/** Why an image was rejected or failed: the server's sentence, or in other languages than English what
 * its code means. */
export const reasonText = ({ reason, message }) => reasons[reason] ?? message ?? "";

/** What went wrong, of a problem that the API answered with; null when it says nothing. */
export const problemText = (problem) =>
  problems[problem?.code] ?? reasons[problem?.code] ?? problem?.detail ?? null;
