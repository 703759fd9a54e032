//! The provider SDK: safe traits to and from the C tables of the Winsock SPI.
