/** Texts of news and articles. Their markup is made by the controller from markdown, and reduced to harmless elements. */

import type { TargetedMouseEvent } from "preact";

const WITH_A_SCHEME = /^([a-z][a-z0-9+.-]*:|\/\/)/i;
const STAYS = /^(mailto|tel):/i;

interface WrittenOptions {
  html: string;
  /** Opens an article that the text names; without it, it is opened in a page of its own. */
  onArticle?: (name: string) => void;
}

export function Written({ html, onArticle }: WrittenOptions) {
  /** A link never leads away from the desk: that would end a conversation. */
  function follow(event: TargetedMouseEvent<HTMLDivElement>): void {
    const href = (event.target as Element).closest("a")?.getAttribute("href");
    if (!href || STAYS.test(href)) return;
    event.preventDefault();
    if (onArticle && !WITH_A_SCHEME.test(href)) return onArticle(decoded(href));
    open(new URL(href, `${location.origin}/articles/`), "_blank", "noopener,noreferrer");
  }

  return <div class="text" onClick={follow} dangerouslySetInnerHTML={{ __html: html }} />;
}

/** The name of the article at an address as it stands in a text. */
function decoded(href: string): string {
  try {
    return decodeURIComponent(href);
  } catch {
    return href;
  }
}
