//! In which order objects are read.
//!
//! Git keeps most objects as what differs from another one, their base. So families
//! grow, and each is read by one reader. To make an object, git makes its base, and
//! keeps that for a while, but not the object. So every object is read before its base,
//! and git makes each once; in a family of which git cannot keep enough, behind it.

use std::collections::HashMap;
use std::io::{self, BufRead};

use crate::git::ObjectId;

/// What [`parts`] reads of each object.
pub(super) const FORMAT: &str = "%(objectname) %(objecttype) %(deltabase) %(objectsize:disk)";

/// An object as git lists it.
struct Object {
    id: ObjectId,
    /// How much its bytes take in the pack.
    packed: u64,
    /// Those that are kept as what differs from it.
    later: Vec<usize>,
}

/// What one reader reads.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) ids: Vec<ObjectId>,
    /// Of what others are made of, so many bytes should be kept.
    pub(super) kept: u64,
    cost: u64,
}

/// The objects of a list that are no trees, in so many parts that cost about the same.
pub(super) fn parts(list: impl BufRead, count: usize) -> io::Result<Vec<Part>> {
    let (mut objects, firsts) = families(list)?;
    let mut parts: Vec<Part> = Vec::new();
    parts.resize_with(count.max(1), Part::default);
    let mut family = Vec::new();
    for first in firsts {
        family.clear();
        follow(&mut objects, first, &mut family);
        // Only the first is packed whole: the others are about as long.
        let packed = objects.get(first).map_or(0, |first| first.packed);
        let cost = packed.saturating_add(OVERHEAD).saturating_mul(family.len() as u64);
        let kept = packed.saturating_mul(SHRUNK * CHAIN);
        if kept < MOST {
            family.reverse();
        }
        let Some(part) = parts.iter_mut().min_by_key(|part| part.cost) else { break };
        part.cost = part.cost.saturating_add(cost);
        if family.len() > 1 {
            part.kept = part.kept.max(kept);
        }
        part.ids.extend(family.iter().filter_map(|&at| Some(objects.get(at)?.id.clone())));
    }
    parts.retain(|part| !part.ids.is_empty());
    Ok(parts)
}

/// What any object costs, however short, as a number of packed bytes.
const OVERHEAD: u64 = 300;

/// How many bytes git keeps, unless it is told.
pub(super) const MOST: u64 = 96 * 1024 * 1024;

/// How many times as long as packed a text is.
const SHRUNK: u64 = 4;

/// How many objects may stand between the first of a family and its last, as git
/// packs them.
const CHAIN: u64 = 50;

/// All objects, and the places of those without a base.
fn families(mut list: impl BufRead) -> io::Result<(Vec<Object>, Vec<usize>)> {
    let (mut objects, mut bases) = (Vec::new(), Vec::new());
    let mut line = String::new();
    while list.read_line(&mut line)? > 0 {
        if let Some((object, base)) = read(&line) {
            objects.push(object);
            bases.push(base);
        }
        line.clear();
    }
    let places: HashMap<&ObjectId, usize> =
        objects.iter().enumerate().map(|(at, object)| (&object.id, at)).collect();
    let place = |base: Option<ObjectId>| places.get(&base?).copied();
    let bases: Vec<Option<usize>> = bases.into_iter().map(place).collect();
    let mut firsts = Vec::new();
    for (at, base) in bases.into_iter().enumerate() {
        match base.filter(|&base| base != at) {
            Some(base) => objects.get_mut(base).into_iter().for_each(|base| base.later.push(at)),
            None => firsts.push(at),
        }
    }
    Ok((objects, firsts))
}

/// An object that is no tree, and its base.
fn read(line: &str) -> Option<(Object, Option<ObjectId>)> {
    let mut words = line.trim_ascii_end().split(' ');
    let (id, kind) = (words.next()?, words.next()?);
    if kind == "tree" {
        return None;
    }
    let (base, packed) = (words.next()?, words.next()?.parse().unwrap_or(0));
    let base = Some(base).filter(|base| base.bytes().any(|digit| digit != b'0'));
    Some((
        Object { id: ObjectId::parse(id)?, packed, later: Vec::new() },
        base.and_then(ObjectId::parse),
    ))
}

/// An object and all that follow from it, each behind its base.
fn follow(objects: &mut [Object], first: usize, family: &mut Vec<usize>) {
    let mut open = vec![first];
    while let Some(at) = open.pop() {
        family.push(at);
        // The nearest is read next.
        let later = objects.get_mut(at).map(|object| std::mem::take(&mut object.later));
        open.extend(later.unwrap_or_default().into_iter().rev());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: char, kind: &str, base: char, packed: u64) -> String {
        let id = |name: char| name.to_string().repeat(40);
        format!("{} {kind} {} {packed}\n", id(name), id(base))
    }

    fn told(list: &str, count: usize) -> Vec<String> {
        let first = |id: &ObjectId| id.as_str().chars().next().unwrap();
        let parts = parts(list.as_bytes(), count).unwrap();
        parts.iter().map(|part| part.ids.iter().map(first).collect()).collect()
    }

    #[test]
    fn families_stay_together_and_each_object_comes_before_its_base() {
        let list = |packed| {
            [
                line('a', "blob", 'c', 10),
                line('b', "blob", '0', 500),
                line('c', "blob", 'e', 10),
                line('d', "tree", '0', 10),
                line('e', "blob", '0', packed),
                line('f', "blob", 'e', 10),
                line('1', "commit", '0', 100),
                line('2', "tag", '0', 100),
            ]
            .concat()
        };
        assert_eq!(told(&list(1000), 1), ["bface12"]);
        assert_eq!(told(&list(1000), 2), ["b12", "face"]);
        // Where that is too much to be kept, it comes behind.
        assert_eq!(told(&list(MOST), 1), ["becaf12"]);
        assert_eq!(told("", 2), [] as [&str; 0]);
    }

    #[test]
    fn as_much_is_kept_as_the_longest_family_takes() {
        let kept = |list: &str| {
            let parts = parts(list.as_bytes(), 2).unwrap();
            parts.iter().map(|part| part.kept).collect::<Vec<_>>()
        };
        let family = [line('a', "blob", '0', 1000), line('b', "blob", 'a', 10)].concat();
        assert_eq!(kept(&family), [200_000]);
        // Nothing is made of what stands alone.
        let alone = line('c', "blob", '0', 5000);
        assert_eq!(kept(&alone), [0]);
        assert_eq!(kept(&[family, alone].concat()), [200_000, 0]);
        assert_eq!(
            kept(&[line('a', "blob", '0', u64::MAX), line('b', "blob", 'a', 1)].concat())[0],
            u64::MAX
        );
    }

    #[test]
    fn no_object_is_left_out_whose_base_is_none_of_the_list() {
        let list =
            [line('a', "blob", 'b', 1), line('c', "blob", 'd', 1), line('d', "tree", '0', 1)];
        assert_eq!(told(&list.concat(), 1), ["ac"]);
        // An object is never its own base, but who knows what git is told.
        assert_eq!(told(&line('a', "blob", 'a', 1), 1), ["a"]);
    }
}
