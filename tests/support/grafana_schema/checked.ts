// The classic dashboard as Grafana's own schema has it, made strict where the schema is loose: the
// options and the field configuration of each kind of panel stand in for `Record<string, unknown>`,
// and the overrides may only name a property that there is, with a value of its type.

import type {
  Dashboard as SchemaDashboard,
  FieldConfig as SchemaFieldConfig,
  Panel as SchemaPanel,
  RowPanel as SchemaRow,
} from '@grafana/schema';
import type * as barchart from '@grafana/schema/dist/esm/raw/composable/barchart/panelcfg/x/BarChartPanelCfg_types.gen';
import type * as bargauge from '@grafana/schema/dist/esm/raw/composable/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen';
import type * as heatmap from '@grafana/schema/dist/esm/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen';
import type * as stat from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type * as statetimeline from '@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen';
import type * as table from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';
import type * as timeseries from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';

// JSON has the values of enums, not the enums themselves.
type Plain<T> = T extends string
  ? string extends T
    ? T
    : `${T}`
  : T extends Array<infer Item>
    ? Array<Plain<Item>>
    : T extends object
      ? { [Key in keyof T]: Plain<T[Key]> }
      : T;

// Not in the schema: these two belong to packages of their own.
interface DataLink {
  targetBlank: boolean;
  title: string;
  url: string;
}
interface SqlTarget {
  datasource: { type: 'grafana-postgresql-datasource'; uid: string };
  editorMode: 'code';
  format: 'table' | 'time_series';
  rawQuery: true;
  rawSql: string;
  refId: string;
}

type Shown = Omit<Plain<SchemaFieldConfig>, 'custom' | 'links'> & { links?: DataLink[] };
type Property<Name extends string, Value> = { id: Name; value: Value };
type Properties<Custom> =
  | { [Key in keyof Shown & string]-?: Property<Key, NonNullable<Shown[Key]>> }[keyof Shown & string]
  | { [Key in keyof Custom & string]-?: Property<`custom.${Key}`, NonNullable<Custom[Key]>> }[keyof Custom & string]
  | Property<'custom.hideFrom.viz', boolean>;

interface FieldConfig<Custom> {
  defaults: Shown & { custom: Custom };
  overrides: Array<{
    matcher: { id: 'byName'; options: string };
    properties: Array<Properties<Custom>>;
  }>;
}

type Panel<Kind extends string, Options, Custom> = Omit<
  Plain<SchemaPanel>,
  'fieldConfig' | 'options' | 'targets' | 'type'
> & {
  fieldConfig: FieldConfig<Plain<Custom>>;
  options: Plain<Options>;
  targets: SqlTarget[];
  type: Kind;
};

type AnyPanel =
  | Panel<'barchart', barchart.Options, barchart.FieldConfig>
  | Panel<'bargauge', bargauge.Options, {}>
  | Panel<'heatmap', heatmap.Options, heatmap.FieldConfig>
  | Panel<'stat', stat.Options, {}>
  | Panel<'state-timeline', statetimeline.Options, statetimeline.FieldConfig>
  | Panel<'table', table.Options, table.FieldConfig>
  | Panel<'timeseries', timeseries.Options, timeseries.FieldConfig>
  | Plain<SchemaRow>;

export type Dashboard = Omit<Plain<SchemaDashboard>, 'panels'> & { panels: AnyPanel[] };
