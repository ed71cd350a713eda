//! Operators: `+ - * / % ^` and those of bits, of numbers, dates, times and intervals.
//!
//! <https://www.postgresql.org/docs/current/functions-math.html> and
//! <https://www.postgresql.org/docs/current/functions-datetime.html>: what does not fit is an error.

mod arithmetic;
mod chain;
mod fast;
mod moments;
pub mod planner;

use super::function::Function;

/// The functions that stand for operators.
pub fn functions() -> Vec<Function> {
    vec![
        Function::new("+", arithmetic::PLUS).fast(fast::plus),
        Function::new("-", arithmetic::MINUS).fast(fast::minus),
        Function::new("*", arithmetic::TIMES).fast(fast::times),
        Function::new("/", arithmetic::DIVIDE).fast(fast::divide),
        Function::new("%", arithmetic::MODULO).also(&["mod"]),
        Function::new("^", arithmetic::POWER).also(&["power", "pow"]),
        Function::new("engine_negative", arithmetic::NEGATIVE),
        Function::new("&", arithmetic::AND),
        Function::new("|", arithmetic::OR),
        Function::new("#", arithmetic::XOR),
        Function::new("<<", arithmetic::LEFT),
        Function::new(">>", arithmetic::RIGHT),
    ]
}
