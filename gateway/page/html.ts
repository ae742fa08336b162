/** HTML that is safe to send: text reaches it only through `html`, which escapes. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** A template whose values are escaped unless they are HTML already. */
export function html(parts: TemplateStringsArray, ...values: readonly (string | Html)[]): Html {
  const filled = parts.map((part, position) => {
    const value = values[position] ?? '';
    return part + (value instanceof Html ? value.text : escape(value));
  });
  return new Html(filled.join(''));
}

export function join(items: readonly Html[]): Html {
  return new Html(items.map(({ text }) => text).join(''));
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}
