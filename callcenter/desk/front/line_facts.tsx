/** A line in a few figures, on the floor page and on the wall. */

import { duration, word } from "./texts";
import type { LineRow } from "./watch";

export function LineFacts({ line, now }: { line: LineRow; now: number }) {
  const waiting = line.waiting.reduce((sum, [, n]) => sum + n, 0);
  const short = line.open && line.on_duty < Math.max(line.required, line.needed ?? 0);
  const late = line.average !== null && line.average > line.target;
  return (
    <dl class="figures">
      <Figure name={word("lines_in_use")} value={line.in_use} more={`${word("of")} ${line.capacity}`} />
      <Figure name={word("waiting")} value={waiting}>
        {line.waiting.map(([urgency, n]) => (
          <small key={urgency} class="class" data-urgency={urgency}>
            {n} {word(urgency)}
          </small>
        ))}
      </Figure>
      <Figure name={word("longest")} value={line.oldest === null ? "—" : duration(now - line.oldest)} />
      <Figure
        name={word("average_day")}
        value={line.average === null ? "—" : duration(line.average)}
        more={line.average === null ? word("none_yet") : `${word("target")} ${duration(line.target)}`}
        state={line.average === null ? "" : late ? "bad" : "good"}
        sign={late ? "▲ " : ""}
      />
      {line.exceeding !== null && (
        <Figure
          name={word("by_closing")}
          value={line.forecast === null ? "—" : duration(line.forecast)}
          more={`${word("exceeds")} ${Math.round(100 * line.exceeding)} %`}
          state={line.exceeding > 0.5 ? "bad" : line.exceeding > 0.1 ? "doubtful" : "good"}
        />
      )}
      <Figure
        name={word("people_needed")}
        value={line.on_duty}
        more={`${word("of")} ${line.needed === null ? line.required : Math.max(line.required, line.needed)}`}
        state={short ? "doubtful" : ""}
        sign={short ? "▲ " : ""}
      >
        {line.out_of_reach > 0 && (
          <small>
            {word("out_of_reach")}: {line.out_of_reach}
          </small>
        )}
      </Figure>
    </dl>
  );
}

interface FigureProps {
  name: string;
  value: string | number;
  more?: string;
  state?: string;
  /** Beside the colour, for those who do not see it. */
  sign?: string;
  children?: preact.ComponentChildren;
}

function Figure({ name, value, more, state, sign, children }: FigureProps) {
  return (
    <div class="figure" data-state={state ?? ""}>
      <dt>{name}</dt>
      <dd>
        <strong>
          {sign}
          {value}
        </strong>{" "}
        {more && <small>{more}</small>} {children}
      </dd>
    </div>
  );
}
