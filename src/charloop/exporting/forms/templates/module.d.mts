/** How `write` writes; what is left out is as it was exported. */
export interface WriteOptions {
  /** Characters to write (bytes of a byte network); a document may end before. */
  length?: number;
  /** Below 1 favours likely characters; 0 always takes the likeliest. */
  temperature?: number;
  /** Draw from this many of the likeliest characters only; 0: from all. */
  topK?: number;
  /** Draw from the fewest likeliest characters whose probabilities add up to this; 1: from all. */
  topP?: number;
  /** An integer: equal seeds give equal texts. */
  seed?: number;
  /** A label of a document, of a network that has any; left out: the likeliest. */
  label?: string | null;
  signal?: AbortSignal;
}

export type ReadOptions = Pick<WriteOptions, "label" | "signal">;

export interface Choice {
  token: number;
  /** A character; null for a token that is none: a byte of a longer one, a label, the end of a document, an unknown one. */
  symbol: string | null;
  probability: number;
}

export interface Score {
  /** Of each token of the text, and of the end of a document. */
  bits: Float64Array;
  bitsPerToken: number;
}

/** The state of all layers. */
export type State = Float32Array[][];

export interface Network {
  readonly engine: "WebAssembly" | "JavaScript";
  readonly facts: Record<string, unknown>;
  readonly tables: Record<string, unknown>;
  readonly symbols: readonly string[];
  readonly labels: readonly string[];
  /** The text that follows `prompt`, a piece at a time. Throws a RangeError for a character that the network lacks. */
  write(prompt?: string, options?: WriteOptions): AsyncGenerator<string, void, void>;
  writeTokens(prompt?: string, options?: WriteOptions): AsyncGenerator<number, void, void>;
  /** What may follow `text`, the likeliest first. */
  next(text?: string, options?: ReadOptions): Promise<Choice[]>;
  score(text: string, options?: ReadOptions): Promise<Score>;
  /** The state before the first token. */
  begin(): State;
  copy(state: State): State;
  /** Reads a token and changes `state`. Returns the logits of the next one, valid until the next step. */
  step(token: number, state: State): Float32Array;
  encode(text: string): number[];
}

export function load(options?: { wasm?: boolean }): Promise<Network>;
export function write(prompt?: string, options?: WriteOptions): AsyncGenerator<string, void, void>;
export function next(text?: string, options?: ReadOptions): Promise<Choice[]>;
export function score(text: string, options?: ReadOptions): Promise<Score>;
export const facts: Record<string, unknown>;
export const tables: Record<string, unknown>;
