//! `avg` of decimals that is rounded, half away from zero, as PostgreSQL, MySQL and Spark do; DataFusion's own cuts off.

use datafusion::{
    arrow::{
        array::{ArrayRef, BooleanArray},
        compute::{CastOptions, cast_with_options},
        datatypes::{DataType, Field, FieldRef},
    },
    common::{Result, ScalarValue},
    functions_aggregate::average::Avg,
    logical_expr::{
        Accumulator, AggregateUDFImpl, Documentation, EmitTo, GroupsAccumulator, ReversedUDAF, Signature,
        function::{AccumulatorArgs, StateFieldsArgs},
    },
};
use std::sync::Arc;

/// What DataFusion has, asked for one more digit where that is a decimal's.
#[derive(Debug, Default, PartialEq, Eq, Hash)]
pub struct Average {
    own: Avg,
}

/// A type with one more digit behind the point, where a decimal has room for it.
fn finer(kind: &DataType) -> Option<DataType> {
    let more = |most: u8, digits: u8, scale: i8| {
        let wider = (digits + 1).min(most);
        (scale < i8::try_from(wider).unwrap_or(i8::MAX)).then_some((wider, scale + 1))
    };
    match *kind {
        DataType::Decimal32(digits, scale) => more(9, digits, scale).map(|(p, s)| DataType::Decimal32(p, s)),
        DataType::Decimal64(digits, scale) => more(18, digits, scale).map(|(p, s)| DataType::Decimal64(p, s)),
        DataType::Decimal128(digits, scale) => more(38, digits, scale).map(|(p, s)| DataType::Decimal128(p, s)),
        DataType::Decimal256(digits, scale) => more(76, digits, scale).map(|(p, s)| DataType::Decimal256(p, s)),
        _ => None,
    }
}

fn with<'a>(args: &AccumulatorArgs<'a>, kind: DataType) -> AccumulatorArgs<'a> {
    let field = Field::new(args.return_field.name(), kind, args.return_field.is_nullable());
    AccumulatorArgs {
        return_field: Arc::new(field),
        schema: args.schema,
        ignore_nulls: args.ignore_nulls,
        order_bys: args.order_bys,
        is_reversed: args.is_reversed,
        name: args.name,
        is_distinct: args.is_distinct,
        exprs: args.exprs,
        expr_fields: args.expr_fields,
    }
}

impl AggregateUDFImpl for Average {
    fn name(&self) -> &str {
        self.own.name()
    }

    fn aliases(&self) -> &[String] {
        self.own.aliases()
    }

    fn signature(&self) -> &Signature {
        self.own.signature()
    }

    fn return_type(&self, kinds: &[DataType]) -> Result<DataType> {
        self.own.return_type(kinds)
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        self.own.state_fields(args)
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let kind = args.return_type().clone();
        match finer(&kind) {
            Some(finer) => Ok(Box::new(Rounded { own: self.own.accumulator(with(&args, finer))?, kind })),
            None => self.own.accumulator(args),
        }
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        self.own.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        let kind = args.return_type().clone();
        match finer(&kind) {
            Some(finer) => {
                Ok(Box::new(RoundedGroups { own: self.own.create_groups_accumulator(with(&args, finer))?, kind }))
            }
            None => self.own.create_groups_accumulator(args),
        }
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        self.own.reverse_expr()
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.own.documentation()
    }
}

/// Arrow rounds half away from zero where a decimal loses digits; a cut-off digit more is enough to know which half it is.
const EXACTLY: CastOptions<'_> =
    CastOptions { safe: false, format_options: datafusion::common::format::DEFAULT_FORMAT_OPTIONS };

#[derive(Debug)]
struct Rounded {
    own: Box<dyn Accumulator>,
    kind: DataType,
}

impl Accumulator for Rounded {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.own.update_batch(values)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.own.evaluate()?.cast_to_with_options(&self.kind, &EXACTLY)
    }

    fn size(&self) -> usize {
        self.own.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.own.state()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.own.merge_batch(states)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.own.retract_batch(values)
    }

    fn supports_retract_batch(&self) -> bool {
        self.own.supports_retract_batch()
    }
}

struct RoundedGroups {
    own: Box<dyn GroupsAccumulator>,
    kind: DataType,
}

impl GroupsAccumulator for RoundedGroups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        count: usize,
    ) -> Result<()> {
        self.own.update_batch(values, groups, filter, count)
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        Ok(cast_with_options(&self.own.evaluate(emit)?, &self.kind, &EXACTLY)?)
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        self.own.state(emit)
    }

    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], count: usize) -> Result<()> {
        self.own.merge_batch(values, groups, count)
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        self.own.convert_to_state(values, filter)
    }

    fn size(&self) -> usize {
        self.own.size()
    }
}

#[cfg(test)]
mod tests {
    use crate::sql::session::Sessions;
    use datafusion::arrow::util::pretty::pretty_format_batches;

    #[tokio::test]
    async fn averages_of_decimals_are_rounded_half_away_from_zero() {
        let session = Sessions::that_plan().unwrap().open();
        let ask = async |sql: &str| {
            let batches = session.query(sql).await.unwrap().collect().await.unwrap();
            let table = pretty_format_batches(&batches).unwrap().to_string();
            let rows: Vec<String> = table.lines().skip(3).map(|line| line.replace([' ', '|'], "")).collect();
            rows[..rows.len() - 1].join(" ")
        };
        let of = |values: &str| {
            format!("(select arrow_cast(v, 'Decimal128(10, 2)') as v, k from (values {values}) t(v, k))")
        };
        let two = of("(1.00, 1), (1.00, 1), (0.00, 1), (-1.00, 2), (-1.00, 2), (0.00, 2), (null, 3)");
        // 2/3 at six digits.
        assert_eq!(ask(&format!("select avg(v) from {two} where k = 1")).await, "0.666667");
        assert_eq!(ask(&format!("select avg(v) from {two} group by k order by k")).await, "0.666667 -0.666667 ");
        assert_eq!(ask(&format!("select avg(distinct v) from {two} where k < 3")).await, "0.000000");
        assert_eq!(
            ask(&format!(
                "select avg(v) over (order by k, v rows between 1 preceding and current row) from {two} where k = 1"
            ))
            .await,
            "0.000000 0.500000 1.000000"
        );
        // A cent of 32 is 0.0003125.
        let cent = |cents: &str| {
            format!(
                "select avg(arrow_cast(case when n = 1 then {cents} else 0.00 end, 'Decimal128(10, 2)')) from generate_series(1, 32) as series(n)"
            )
        };
        assert_eq!(ask(&cent("0.01")).await, "0.000313");
        assert_eq!(ask(&cent("-0.01")).await, "-0.000313");
        assert_eq!(
            ask("select avg(arrow_cast(v, 'Decimal128(38, 10)')) from (values (1.0), (1.0), (0.0)) t(v)").await,
            "0.66666666666667"
        );
        assert_eq!(ask("select avg(v) from (values (1.5), (2.5)) t(v)").await, "2.0");
    }
}
