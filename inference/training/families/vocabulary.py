"""Names, words and facts that the families draw from."""

from typing import Final

NAMES: Final = (
    "Tom", "Ana", "Raj", "Mia", "Leo", "Zoe", "Sam", "Eva", "Max", "Ivy", "Ben", "Kim", "Dan", "Amy",
    "Lou", "Pia",
)  # fmt: skip
ITEMS: Final = (
    "apples", "coins", "books", "pens", "shells", "cards", "stamps", "eggs", "keys", "cups",
)  # fmt: skip
COLOURS: Final = (
    "red", "blue", "green", "black", "white", "pink", "grey", "brown",
)  # fmt: skip
WORDS: Final = (
    "apple", "river", "stone", "cloud", "tiger", "piano", "garden", "window", "basket", "market",
    "silver", "planet", "rocket", "pencil", "forest", "bridge", "castle", "dragon", "engine", "flower",
    "guitar", "hammer", "island", "jungle", "kettle", "ladder", "mirror", "needle", "orange", "parrot",
    "rabbit", "saddle", "tunnel", "valley", "yellow", "anchor", "button", "carpet", "doctor", "eagle",
    "father", "giant", "honey", "iron", "jacket", "king", "lemon", "mother", "number", "ocean", "paper",
    "queen", "rain", "sugar", "table", "uncle", "water", "zebra", "bread", "chair",
)  # fmt: skip

CAPITALS: Final = {
    "France": "Paris", "Italy": "Rome", "Japan": "Tokyo", "Spain": "Madrid", "Germany": "Berlin",
    "Russia": "Moscow", "China": "Beijing", "Egypt": "Cairo", "Greece": "Athens", "Ireland": "Dublin",
    "Portugal": "Lisbon", "Austria": "Vienna", "Poland": "Warsaw", "Norway": "Oslo", "Cuba": "Havana",
    "Sweden": "Stockholm", "Finland": "Helsinki", "Denmark": "Copenhagen", "Hungary": "Budapest",
    "Turkey": "Ankara", "Iran": "Tehran", "Iraq": "Baghdad", "Syria": "Damascus", "Kenya": "Nairobi",
    "Canada": "Ottawa", "Peru": "Lima", "Chile": "Santiago", "Thailand": "Bangkok", "Belgium": "Brussels",
    "Vietnam": "Hanoi", "Ukraine": "Kyiv", "Romania": "Bucharest", "Serbia": "Belgrade",
    "Bulgaria": "Sofia", "Lebanon": "Beirut", "Croatia": "Zagreb", "Nepal": "Kathmandu",
    "Venezuela": "Caracas", "Ecuador": "Quito", "Colombia": "Bogota", "Uruguay": "Montevideo",
    "Ghana": "Accra", "Senegal": "Dakar", "Libya": "Tripoli", "Tunisia": "Tunis", "Morocco": "Rabat",
    "Qatar": "Doha", "Jordan": "Amman", "Latvia": "Riga", "Estonia": "Tallinn",
}  # fmt: skip
"""Capitals of countries, the best known first."""
