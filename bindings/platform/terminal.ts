// Where does text for people go?

/** A place for text: a terminal, a pipe, a console. */
export interface Terminal {
  /** Whether lines can be drawn over. */
  readonly interactive: boolean;
  readonly columns: number;
  readonly write: (text: string) => void;
}

interface ProcessLike {
  readonly stdout?: { readonly isTTY?: boolean; readonly columns?: number; readonly write?: (text: string) => unknown };
}

/** The terminal of this process; where there is none, lines go to the console. */
export function terminal(): Terminal {
  const stdout = (globalThis as { process?: ProcessLike }).process?.stdout;
  if (typeof stdout?.write === "function") {
    const write = stdout.write.bind(stdout);
    return {
      interactive: stdout.isTTY === true,
      columns: stdout.columns ?? 80,
      write: (text) => {
        write(text);
      },
    };
  }
  return { interactive: false, columns: 120, write: (text) => console.log(text.replace(/\n$/, "")) };
}
