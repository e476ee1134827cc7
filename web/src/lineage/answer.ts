// What `datlake lineage --json` answers, as docs/schemas/lineage.json has it.

export interface LineageGraph {
  asked: number[];
  nodes: GraphNode[];
  edges: GraphEdge[];
  more_above: boolean;
  left_out: number;
  damaged: { what: string; error: string }[];
  sources?: GraphSources[];
}

export interface GraphNode {
  address: string;
  name: string;
  alike: number;
  item: GraphItem;
}

export type GraphItem = GraphFile | GraphCall | GraphCreator | GraphFolder;

export type UpstreamState = "present" | "replaced" | "removed" | "unnamed";

export interface GraphFile {
  kind: "file";
  uid: string | null;
  digest: string;
  size: number;
  tree: boolean;
  state: UpstreamState;
  version: string | null;
  replaced_by: { at: string; originator: string; call: [string, string] | null } | null;
  created_at: string | null;
  originator: string | null;
  preview?: FilePreview | null;
}

export interface GraphCall {
  kind: "call";
  creator: string;
  key: string;
  state: UpstreamState;
  details: CallDetails | null;
}

export interface CallDetails {
  started_at: string;
  duration_ms: number;
  originator: string;
  host: string;
  run: string;
  process: BodyProcess | null;
  generics: [string, string][];
  params: Param[];
  unknown: string[];
  values_left_out: number;
  inputs: number;
  outputs: number;
  code: CallCode;
}

/** The process in which a body ran, where it was not started alone. */
export interface BodyProcess {
  shared: { id: string; rank: number | null; of: number | null } | null;
  place: { by: string; cluster: string | null; node: string | null; job: string | null } | null;
  given: { cpus: number | null; gpus: number | null; memory: number | null } | null;
  used: { peak_memory: number | null; cpu_ms: number | null } | null;
}

export interface Param {
  name: string;
  value: unknown;
  secret?: boolean;
}

export interface CallCode {
  package: string;
  package_version: string;
  module: string;
  file: string;
  line: number;
  hash: string;
  commit: string | null;
  state: "committed" | "uncommitted" | "unknown";
  permalink: string | null;
}

export interface GraphCreator {
  kind: "creator";
  creator: string;
  calls: number;
  files: number;
  spent_ms: number;
  first_at: string;
  last_at: string;
  codes: number;
}

export interface GraphFolder {
  kind: "folder";
  files: number;
  bytes: number;
}

export interface GraphEdge {
  from: number;
  to: number;
  arguments: string[];
  count: number;
}

export type FilePreview =
  | { kind: "text"; text: string; cut: boolean }
  | { kind: "image"; media_type: string; base64: string }
  | { kind: "tree"; files: { path: string; size: number }[]; more: number }
  | { kind: "none"; why: "away" | "binary" | "large" | "left_out" | "unreadable" };

export interface GraphSources {
  creator: string;
  hash: string;
  items: { item: string; file: string; line: number; text: string | null }[];
  notes: { item: string; note: string }[];
  partial: string | null;
  more: number;
  since: CodeSince | null;
  why_not: string | null;
}

export interface CodeSince {
  latest: string;
  started_at: string;
  originator: string;
  changes: string[];
  sources: { item: string; was: string | null; now: string | null }[];
}
