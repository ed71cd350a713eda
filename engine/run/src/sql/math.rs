//! Functions of numbers.
//!
//! <https://www.postgresql.org/docs/current/functions-math.html>. Of a whole number most are those of its double, as in
//! PostgreSQL; of a `numeric` they are exact.

#![expect(clippy::unnecessary_wraps, reason = "functions of one table have one signature")]

use super::{
    failed::failed,
    function::{Function, Gives, Overload},
    kind::{
        Kind::{self, Float4, Float8, Int2, Int4, Int8, Numeric},
        VARIABLE_SCALE, decimal, digits,
    },
    numeric::{Numeric as Number, power_of_ten},
    value::{Value, out_of_range},
};
use datafusion::error::Result;
use num_bigint::BigInt;

/// The one overload of a function of a double.
macro_rules! double {
    ($compute:expr) => {{
        static TABLE: &[Overload] = &[Overload {
            takes: &[Float8],
            gives: of(Float8),
            run: |values, _| {
                let compute: fn(f64) -> Result<f64> = $compute;
                let [Value::Float(value)] = values else { return Err(wrong(values)) };
                compute(*value).map(Value::Float)
            },
        }];
        TABLE
    }};
}

/// Overloads by what they take.
macro_rules! overloads {
    ($name:ident: $($takes:expr => $gives:expr, $run:expr;)*) => {
        static $name: &[Overload] = &[$(Overload { takes: &$takes, gives: $gives, run: $run }),*];
    };
}

/// All of them.
pub fn functions() -> Vec<Function> {
    vec![
        Function::new("abs", ABS),
        Function::new("round", ROUND),
        Function::new("trunc", TRUNC),
        Function::new("ceil", CEIL).also(&["ceiling"]),
        Function::new("floor", FLOOR),
        Function::new("sign", SIGN),
        Function::new("sqrt", SQRT),
        Function::new("cbrt", double!(|v| Ok(v.cbrt()))),
        Function::new("exp", EXP),
        Function::new("ln", LN),
        Function::new("log", LOG).also(&["log10"]),
        Function::new("div", DIV),
        Function::new("gcd", GCD),
        Function::new("lcm", LCM),
        Function::new("factorial", FACTORIAL),
        Function::new("width_bucket", WIDTH_BUCKET),
        Function::new("scale", SCALE),
        Function::new("pi", PI),
        Function::new("degrees", double!(|v| bounded(v, v.to_degrees()))),
        Function::new("radians", double!(|v| Ok(v.to_radians()))),
        Function::new("sin", double!(|v| finite(v).map(f64::sin))),
        Function::new("cos", double!(|v| finite(v).map(f64::cos))),
        Function::new("tan", double!(|v| finite(v).map(f64::tan))),
        Function::new("cot", double!(|v| finite(v).map(|v| 1.0 / v.tan()))),
        Function::new("asin", double!(|v| unit(v).map(f64::asin))),
        Function::new("acos", double!(|v| unit(v).map(f64::acos))),
        Function::new("atan", double!(|v| Ok(v.atan()))),
        Function::new("atan2", ATAN2),
        Function::new("sinh", double!(|v| Ok(v.sinh()))),
        Function::new("cosh", double!(|v| Ok(v.cosh()))),
        Function::new("tanh", double!(|v| Ok(v.tanh()))),
        Function::new("asinh", double!(|v| Ok(v.asinh()))),
        Function::new("acosh", double!(|v| if v < 1.0 { Err(outside()) } else { Ok(v.acosh()) })),
        Function::new("atanh", double!(|v| if v.abs() > 1.0 { Err(outside()) } else { Ok(v.atanh()) })),
    ]
}

const fn of(kind: Kind) -> Gives {
    Gives::Kind(kind)
}

fn wrong(values: &[Value]) -> datafusion::error::DataFusionError {
    failed(format!("a function of numbers does not take {values:?}"))
}

fn outside() -> datafusion::error::DataFusionError {
    failed("input is out of range")
}

fn finite(value: f64) -> Result<f64> {
    if value.is_infinite() { Err(outside()) } else { Ok(value) }
}

fn unit(value: f64) -> Result<f64> {
    if value.abs() > 1.0 { Err(outside()) } else { Ok(value) }
}

fn bounded(from: f64, value: f64) -> Result<f64> {
    if value.is_infinite() && from.is_finite() { Err(failed("value out of range: overflow")) } else { Ok(value) }
}

const SAME: Gives = Gives::Typed(|types| {
    let (whole, scale) = digits(&types[0]);
    decimal(whole, scale)
});
const WHOLE: Gives = Gives::Typed(|types| decimal(digits(&types[0]).0 + 1, 0));
const ROUNDED: Gives = Gives::Typed(|types| {
    let (whole, scale) = digits(&types[0]);
    decimal(whole + 1, scale)
});
const ROOT: Gives = Gives::Typed(|types| {
    let (whole, scale) = digits(&types[0]);
    decimal(whole / 2 + 1, scale.max(VARIABLE_SCALE))
});
const LARGE: Gives = Gives::Typed(|types| decimal(38, digits(&types[0]).1.max(VARIABLE_SCALE)));
const LOGARITHM: Gives = Gives::Typed(|types| {
    let scale = types.iter().map(|kind| digits(kind).1).max().unwrap_or(0);
    decimal(8, scale.max(VARIABLE_SCALE))
});
const COMMON: Gives = Gives::Typed(|types| {
    let ((whole, scale), (other, other_scale)) = (digits(&types[0]), digits(&types[1]));
    decimal(whole.max(other), scale.max(other_scale))
});
const MULTIPLE: Gives = Gives::Typed(|types| {
    let ((whole, scale), (other, other_scale)) = (digits(&types[0]), digits(&types[1]));
    decimal(whole + other, scale.max(other_scale))
});

overloads! { PI:
    [] => of(Float8), |_, _| Ok(Value::Float(std::f64::consts::PI));
}

overloads! { ATAN2:
    [Float8, Float8] => of(Float8), |v, _| match v {
        [Value::Float(y), Value::Float(x)] => Ok(Value::Float(y.atan2(*x))),
        _ => Err(wrong(v)),
    };
}

overloads! { ABS:
    [Int2] => of(Int2), |v, _| absolute(v, Int2);
    [Int4] => of(Int4), |v, _| absolute(v, Int4);
    [Int8] => of(Int8), |v, _| absolute(v, Int8);
    [Numeric] => SAME, |v, _| number(v, |n| Ok(n.abs()));
    [Float4] => of(Float4), |v, _| float(v, f64::abs);
    [Float8] => of(Float8), |v, _| float(v, f64::abs);
}

overloads! { ROUND:
    [Float8] => of(Float8), |v, _| float(v, f64::round_ties_even);
    [Numeric] => WHOLE, |v, _| number(v, |n| Ok(n.round(0)));
    [Numeric, Int4] => ROUNDED, |v, _| placed(v, Number::round);
}

overloads! { TRUNC:
    [Float8] => of(Float8), |v, _| float(v, f64::trunc);
    [Numeric] => WHOLE, |v, _| number(v, |n| Ok(n.truncate(0)));
    [Numeric, Int4] => ROUNDED, |v, _| placed(v, Number::truncate);
}

overloads! { CEIL:
    [Float8] => of(Float8), |v, _| float(v, f64::ceil);
    [Numeric] => WHOLE, |v, _| number(v, |n| Ok(n.ceil()));
}

overloads! { FLOOR:
    [Float8] => of(Float8), |v, _| float(v, f64::floor);
    [Numeric] => WHOLE, |v, _| number(v, |n| Ok(n.floor()));
}

overloads! { SIGN:
    [Float8] => of(Float8), |v, _| float(v, |v| if v.is_nan() || v == 0.0 { v.abs() } else { v.signum() });
    [Numeric] => WHOLE, |v, _| number(v, |n| Ok(n.sign()));
}

overloads! { SQRT:
    [Float8] => of(Float8), |v, _| checked(v, |v| {
        if v < 0.0 { Err(failed("cannot take square root of a negative number")) } else { Ok(v.sqrt()) }
    });
    [Numeric] => ROOT, |v, _| number(v, Number::sqrt);
}

overloads! { EXP:
    [Float8] => of(Float8), |v, _| checked(v, |v| {
        let power = v.exp();
        if power == 0.0 && v.is_finite() { Err(failed("value out of range: underflow")) } else { bounded(v, power) }
    });
    [Numeric] => LARGE, |v, _| number(v, Number::exp);
}

overloads! { LN:
    [Float8] => of(Float8), |v, _| checked(v, |v| logarithm(v).map(f64::ln));
    [Numeric] => LOGARITHM, |v, _| number(v, Number::ln);
}

overloads! { LOG:
    [Float8] => of(Float8), |v, _| checked(v, |v| logarithm(v).map(f64::log10));
    [Numeric] => LOGARITHM, |v, _| number(v, |n| n.log(&Number::from(10i64)));
    [Numeric, Numeric] => LOGARITHM, |v, _| numbers(v, |base, n| n.log(base));
}

overloads! { DIV:
    [Numeric, Numeric] => Gives::Typed(|types| decimal(digits(&types[0]).0 + u32::from(digits(&types[1]).1), 0)),
        |v, _| numbers(v, Number::whole_quotient);
}

overloads! { GCD:
    [Int4, Int4] => of(Int4), |v, _| divisor(v, Int4);
    [Int8, Int8] => of(Int8), |v, _| divisor(v, Int8);
    [Numeric, Numeric] => COMMON, |v, _| numbers(v, greatest_divisor);
}

overloads! { LCM:
    [Int4, Int4] => of(Int4), |v, _| multiple(v, Int4);
    [Int8, Int8] => of(Int8), |v, _| multiple(v, Int8);
    [Numeric, Numeric] => MULTIPLE, |v, _| numbers(v, least_multiple);
}

overloads! { FACTORIAL:
    [Int8] => Gives::Typed(|_| decimal(76, 0)), |v, _| factorial(v);
}

overloads! { WIDTH_BUCKET:
    [Numeric, Numeric, Numeric, Int4] => of(Int4), |v, _| super::width_bucket::of_number(v);
    [Float8, Float8, Float8, Int4] => of(Int4), |v, _| super::width_bucket::of_double(v);
}

overloads! { SCALE:
    [Numeric] => of(Int4), |v, _| match v {
        [Value::Numeric(n)] => Ok(Value::Int(n.scale.into())),
        _ => Err(wrong(v)),
    };
}

fn absolute(values: &[Value], kind: Kind) -> Result<Value> {
    let [Value::Int(value)] = values else { return Err(wrong(values)) };
    let size = value.checked_abs().filter(|size| match kind {
        Int2 => i16::try_from(*size).is_ok(),
        Int4 => i32::try_from(*size).is_ok(),
        _ => true,
    });
    size.map(Value::Int).ok_or_else(|| out_of_range(kind))
}

fn number(values: &[Value], compute: impl Fn(&Number) -> Result<Number>) -> Result<Value> {
    let [Value::Numeric(value)] = values else { return Err(wrong(values)) };
    compute(value).map(Value::Numeric)
}

fn numbers(values: &[Value], compute: impl Fn(&Number, &Number) -> Result<Number>) -> Result<Value> {
    let [Value::Numeric(a), Value::Numeric(b)] = values else { return Err(wrong(values)) };
    compute(a, b).map(Value::Numeric)
}

/// Rounds to places that differ from row to row: the column keeps its own scale.
fn placed(values: &[Value], round: impl Fn(&Number, i64) -> Number) -> Result<Value> {
    let [Value::Numeric(value), Value::Int(places)] = values else { return Err(wrong(values)) };
    Ok(Value::Numeric(round(value, *places).trimmed()))
}

fn float(values: &[Value], compute: fn(f64) -> f64) -> Result<Value> {
    let [Value::Float(value)] = values else { return Err(wrong(values)) };
    Ok(Value::Float(compute(*value)))
}

fn checked(values: &[Value], compute: impl Fn(f64) -> Result<f64>) -> Result<Value> {
    let [Value::Float(value)] = values else { return Err(wrong(values)) };
    compute(*value).map(Value::Float)
}

fn logarithm(value: f64) -> Result<f64> {
    if value == 0.0 {
        return Err(failed("cannot take logarithm of zero"));
    }
    if value < 0.0 {
        return Err(failed("cannot take logarithm of a negative number"));
    }
    Ok(value)
}

fn euclid(mut a: BigInt, mut b: BigInt) -> BigInt {
    while b != BigInt::ZERO {
        (a, b) = (b.clone(), a % b);
    }
    BigInt::from(a.magnitude().clone())
}

fn ints(values: &[Value]) -> Result<(i64, i64)> {
    let [Value::Int(a), Value::Int(b)] = values else { return Err(wrong(values)) };
    Ok((*a, *b))
}

fn fitting(value: &BigInt, kind: Kind) -> Result<Value> {
    let fits = i64::try_from(value).ok().filter(|value| kind != Int4 || i32::try_from(*value).is_ok());
    fits.map(Value::Int).ok_or_else(|| out_of_range(kind))
}

fn divisor(values: &[Value], kind: Kind) -> Result<Value> {
    let (a, b) = ints(values)?;
    fitting(&euclid(a.into(), b.into()), kind)
}

fn multiple(values: &[Value], kind: Kind) -> Result<Value> {
    let (a, b) = ints(values)?;
    if a == 0 || b == 0 {
        return Ok(Value::Int(0));
    }
    let (a, b): (BigInt, BigInt) = (a.into(), b.into());
    let divisor = euclid(a.clone(), b.clone());
    fitting(&BigInt::from((a / divisor * b).magnitude().clone()), kind)
}

fn at_scale(number: &Number, scale: u32) -> BigInt {
    &number.digits * power_of_ten(scale - number.scale)
}

fn greatest_divisor(a: &Number, b: &Number) -> Result<Number> {
    let scale = a.scale.max(b.scale);
    Ok(Number { digits: euclid(at_scale(a, scale), at_scale(b, scale)), scale })
}

fn least_multiple(a: &Number, b: &Number) -> Result<Number> {
    let scale = a.scale.max(b.scale);
    let (one, other) = (at_scale(a, scale), at_scale(b, scale));
    if one == BigInt::ZERO || other == BigInt::ZERO {
        return Ok(Number { digits: BigInt::ZERO, scale });
    }
    let divisor = euclid(one.clone(), other.clone());
    Ok(Number { digits: BigInt::from((one / divisor * other).magnitude().clone()), scale })
}

fn factorial(values: &[Value]) -> Result<Value> {
    let [Value::Int(n)] = values else { return Err(wrong(values)) };
    if *n < 0 {
        return Err(failed("factorial of a negative number is undefined"));
    }
    if *n > 56 {
        return Err(failed(format!("the factorial of {n} has more than 76 digits")));
    }
    let digits = (1..=*n).fold(BigInt::from(1u8), |product, factor| product * factor);
    Ok(Value::Numeric(Number { digits, scale: 0 }))
}
